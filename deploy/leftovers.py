"""What a failed first deployment leaves behind: its tables, key and log groups, which are retained with every stack. They are
empty, their names are used by nothing else, and the key costs a dollar a month.

    .tools/deploy/bin/python deploy/leftovers.py workprovider-staging             # lists them
    .tools/deploy/bin/python deploy/leftovers.py workprovider-staging --remove    # removes them, and the failed stack if it is there

With credentials of the account. Only a stack that was never created completely counts as failed: what a stack that once worked
retained is never touched. Neither is a table with an item in it, nor the key while such a table is there.
"""
import sys

import boto3
from botocore.exceptions import ClientError

# The states in which a first deployment can end; DELETE_COMPLETE stacks stay visible for 90 days (ListStacks).
FAILED = ["CREATE_FAILED", "ROLLBACK_COMPLETE", "ROLLBACK_FAILED", "DELETE_FAILED"]
# In the order of removal: the key after the tables.
RETAINED = ["AWS::DynamoDB::Table", "AWS::Logs::LogGroup", "AWS::KMS::Key"]


def main(name, remove):
    session = boto3.session.Session()
    formation = session.client("cloudformation")
    left = 0
    for stack in failed_stacks(formation, name):
        if remove and stack["StackStatus"] in FAILED:
            delete_stack(formation, stack["StackId"])
        kept = False
        for kind, identifier in retained(formation, stack["StackId"]):
            state = present(session, kind, identifier)
            if state is None:
                continue
            if remove and state != "holds items" and not (kind == "AWS::KMS::Key" and kept):
                delete(session, kind, identifier)
                print(f"{kind} {identifier} is removed")
                continue
            kept = kept or kind == "AWS::DynamoDB::Table"
            left += 1
            print(f"{kind} {identifier} is left" + (": it holds items" if state == "holds items" else ""))
    print(f"{left} left")
    return 1 if left else 0


def failed_stacks(formation, name):
    """The stacks of this name, deleted ones too, that were never complete."""
    for page in formation.get_paginator("list_stacks").paginate(StackStatusFilter=[*FAILED, "DELETE_COMPLETE"]):
        for stack in page["StackSummaries"]:
            if stack["StackName"] == name and not was_complete(formation, stack["StackId"]):
                yield stack


def was_complete(formation, stack_id):
    return any(
        event["PhysicalResourceId"] == stack_id and event["ResourceStatus"] in ("CREATE_COMPLETE", "IMPORT_COMPLETE")
        for event in events(formation, stack_id)
    )


def retained(formation, stack_id):
    """Type and name of each resource that a stack may have retained, in the order of removal."""
    found = {
        (event["ResourceType"], event["PhysicalResourceId"])
        for event in events(formation, stack_id)
        if event["ResourceType"] in RETAINED and event.get("PhysicalResourceId")
    }
    return sorted(found, key=lambda resource: (RETAINED.index(resource[0]), resource[1]))


def events(formation, stack_id):
    for page in formation.get_paginator("describe_stack_events").paginate(StackName=stack_id):
        yield from page["StackEvents"]


def delete_stack(formation, stack_id):
    formation.delete_stack(StackName=stack_id)
    formation.get_waiter("stack_delete_complete").wait(StackName=stack_id)


def present(session, kind, identifier):
    """None if a resource is gone, else "empty" or "holds items"."""
    try:
        match kind:
            case "AWS::DynamoDB::Table":
                items = session.client("dynamodb").scan(TableName=identifier, Limit=1, ConsistentRead=True)["Items"]
                return "holds items" if items else "empty"
            case "AWS::Logs::LogGroup":
                groups = session.client("logs").describe_log_groups(logGroupNamePrefix=identifier)["logGroups"]
                return "empty" if identifier in [group["logGroupName"] for group in groups] else None
            case "AWS::KMS::Key":
                state = session.client("kms").describe_key(KeyId=identifier)["KeyMetadata"]["KeyState"]
                return None if state == "PendingDeletion" else "empty"
    except ClientError as problem:
        if problem.response["Error"]["Code"] in ("ResourceNotFoundException", "NotFoundException"):
            return None
        raise


def delete(session, kind, identifier):
    match kind:
        case "AWS::DynamoDB::Table":
            dynamodb = session.client("dynamodb")
            dynamodb.update_table(TableName=identifier, DeletionProtectionEnabled=False)
            dynamodb.get_waiter("table_exists").wait(TableName=identifier)
            dynamodb.delete_table(TableName=identifier)
            dynamodb.get_waiter("table_not_exists").wait(TableName=identifier)
        case "AWS::Logs::LogGroup":
            session.client("logs").delete_log_group(logGroupName=identifier)
        case "AWS::KMS::Key":
            session.client("kms").schedule_key_deletion(KeyId=identifier, PendingWindowInDays=7)  # the shortest there is


if __name__ == "__main__":
    if len(sys.argv) < 2 or sys.argv[2:] not in ([], ["--remove"]):
        sys.exit(__doc__)
    sys.exit(main(sys.argv[1], sys.argv[2:] == ["--remove"]))
