package emulator

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	dynamotypes "github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	s3types "github.com/aws/aws-sdk-go-v2/service/s3/types"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	sqstypes "github.com/aws/aws-sdk-go-v2/service/sqs/types"

	"zego.com/workprovider/internal/template"
)

// Create makes the tables and queues that the template at a path defines, each named after its logical id and the
// suffix, and returns the functions' environment variables, resolved to what was made. What exists already stays,
// with its contents; a queue takes on the template's present attributes.
//
// A variable that refers to a parameter gets the parameter's default, or is left out if there is none.
func Create(ctx context.Context, cfg aws.Config, path, suffix string) (map[string]string, error) {
	t, err := template.Read(path)
	if err != nil {
		return nil, err
	}
	c := provisioner{
		ctx:      ctx,
		template: t,
		suffix:   suffix,
		dynamo:   dynamodb.NewFromConfig(cfg),
		sqs:      sqs.NewFromConfig(cfg),
		s3:       s3.NewFromConfig(cfg),
		created:  map[string]resource{},
	}
	for _, kind := range []string{tableType, queueType, bucketType} {
		for _, name := range t.OfType(kind) {
			if _, err := c.create(name); err != nil {
				return nil, fmt.Errorf("%s: resource %s: %w", path, name, err)
			}
		}
	}
	variables := map[string]string{}
	functions := append(t.OfType("AWS::Serverless::Function"), "") // "": those common to all
	for _, function := range functions {
		for name, v := range t.Variables(function) {
			resolved, ok, err := c.resolve(v)
			if err != nil {
				return nil, fmt.Errorf("%s: variable %s: %w", path, name, err)
			}
			if earlier, twice := variables[name]; twice && earlier != resolved {
				return nil, fmt.Errorf(
					"%s: variable %s differs between functions, so one process cannot serve them all",
					path,
					name,
				)
			}
			if ok {
				variables[name] = resolved
			}
		}
	}
	if audit, ok := c.created[auditLog]; ok {
		variables["AUDIT_BUCKET"] = audit.ref // of the operators' tool; no function may see that bucket
	}
	return variables, nil
}

// auditLog is the logical id of the operators' audit log.
const auditLog = "AuditLog"

const (
	tableType = "AWS::DynamoDB::Table"
	queueType = "AWS::SQS::Queue"

	bucketType = "AWS::S3::Bucket"
)

// resource is a resource as others refer to it.
type resource struct{ ref, arn string }

type provisioner struct {
	ctx      context.Context
	template *template.Template
	suffix   string
	dynamo   *dynamodb.Client
	sqs      *sqs.Client
	s3       *s3.Client
	created  map[string]resource
}

// create makes a resource unless it was made already: a queue's dead-letter queue is made by the reference to it.
func (c *provisioner) create(name string) (resource, error) {
	if m, ok := c.created[name]; ok {
		return m, nil
	}
	definition := c.template.Resources[name]
	var m resource
	var err error
	switch definition.Type {
	case tableType:
		m, err = c.table(name+c.suffix, definition.Properties)
	case queueType:
		m, err = c.queue(name+c.suffix, definition.Properties)
	case bucketType:
		m, err = c.bucket(strings.ToLower(name+c.suffix), definition.Properties)
	default:
		err = fmt.Errorf("%q, a resource of type %q, is none of those made here", name, definition.Type)
	}
	if err != nil {
		return resource{}, err
	}
	c.created[name] = m
	return m, nil
}

func (c *provisioner) table(name string, properties map[string]any) (resource, error) {
	// What tells how a table behaves, under the names the API has for it too. The rest (encryption, backups, tags)
	// means nothing here.
	behaviour := map[string]any{}
	for _, property := range []string{"AttributeDefinitions", "KeySchema", "BillingMode", "GlobalSecondaryIndexes"} {
		if v, ok := properties[property]; ok {
			behaviour[property] = v
		}
	}
	text, err := json.Marshal(behaviour)
	if err != nil {
		return resource{}, err
	}
	input := dynamodb.CreateTableInput{TableName: &name}
	if err := json.Unmarshal(text, &input); err != nil {
		return resource{}, err
	}
	_, err = c.dynamo.CreateTable(c.ctx, &input)
	if exists := (*dynamotypes.ResourceInUseException)(nil); err != nil && !errors.As(err, &exists) {
		return resource{}, err
	}
	described, err := c.dynamo.DescribeTable(c.ctx, &dynamodb.DescribeTableInput{TableName: &name})
	if err != nil {
		return resource{}, err
	}
	return resource{ref: name, arn: aws.ToString(described.Table.TableArn)}, nil
}

// bucket makes a bucket that locks what is written to it, as the template says.
func (c *provisioner) bucket(name string, properties map[string]any) (resource, error) {
	locked, _ := properties["ObjectLockEnabled"].(bool)
	_, err := c.s3.CreateBucket(c.ctx, &s3.CreateBucketInput{
		Bucket:                     &name,
		ObjectLockEnabledForBucket: &locked,
		CreateBucketConfiguration:  &s3types.CreateBucketConfiguration{LocationConstraint: "eu-west-2"},
	})
	if exists := (*s3types.BucketAlreadyOwnedByYou)(nil); err != nil && !errors.As(err, &exists) {
		return resource{}, err
	}
	lock, _ := properties["ObjectLockConfiguration"].(map[string]any)
	rule, _ := lock["Rule"].(map[string]any)
	retention, _ := rule["DefaultRetention"].(map[string]any)
	if retention == nil {
		return resource{ref: name}, nil
	}
	text, _, err := c.resolve(retention["Days"])
	if err != nil {
		return resource{}, err
	}
	days, err := strconv.ParseInt(text, 10, 32)
	if err != nil {
		return resource{}, err
	}
	mode, _ := retention["Mode"].(string)
	_, err = c.s3.PutObjectLockConfiguration(c.ctx, &s3.PutObjectLockConfigurationInput{
		Bucket: &name,
		ObjectLockConfiguration: &s3types.ObjectLockConfiguration{
			ObjectLockEnabled: s3types.ObjectLockEnabledEnabled,
			Rule: &s3types.ObjectLockRule{DefaultRetention: &s3types.DefaultRetention{
				Mode: s3types.ObjectLockRetentionMode(mode),
				Days: aws.Int32(int32(days)),
			}},
		},
	})
	return resource{ref: name}, err
}

func (c *provisioner) queue(name string, properties map[string]any) (resource, error) {
	attributes := map[string]string{}
	for property, v := range properties {
		switch property {
		case "QueueName", "Tags", "RedriveAllowPolicy", "KmsMasterKeyId": // they mean nothing here
		case "RedrivePolicy":
			policy, err := c.redrivePolicy(v)
			if err != nil {
				return resource{}, err
			}
			attributes[property] = policy
		default:
			text, ok, err := c.resolve(v)
			if err != nil {
				return resource{}, fmt.Errorf("%s: %w", property, err)
			}
			if ok {
				attributes[property] = text
			}
		}
	}
	var url *string
	created, err := c.sqs.CreateQueue(c.ctx, &sqs.CreateQueueInput{QueueName: &name, Attributes: attributes})
	switch exists := (*sqstypes.QueueNameExists)(nil); {
	case err == nil:
		url = created.QueueUrl
	case errors.As(err, &exists): // with other attributes, from before a change of the template
		found, err := c.sqs.GetQueueUrl(c.ctx, &sqs.GetQueueUrlInput{QueueName: &name})
		if err != nil {
			return resource{}, err
		}
		url = found.QueueUrl
		_, err = c.sqs.SetQueueAttributes(c.ctx, &sqs.SetQueueAttributesInput{QueueUrl: url, Attributes: attributes})
		if err != nil {
			return resource{}, err
		}
	default:
		return resource{}, err
	}
	got, err := c.sqs.GetQueueAttributes(c.ctx, &sqs.GetQueueAttributesInput{
		QueueUrl:       url,
		AttributeNames: []sqstypes.QueueAttributeName{sqstypes.QueueAttributeNameQueueArn},
	})
	if err != nil {
		return resource{}, err
	}
	return resource{ref: *url, arn: got.Attributes[string(sqstypes.QueueAttributeNameQueueArn)]}, nil
}

func (c *provisioner) redrivePolicy(v any) (string, error) {
	policy := map[string]string{}
	properties, _ := v.(map[string]any)
	for name, v := range properties {
		text, _, err := c.resolve(v)
		if err != nil {
			return "", fmt.Errorf("RedrivePolicy: %s: %w", name, err)
		}
		policy[name] = text
	}
	text, err := json.Marshal(policy)
	return string(text), err
}

// resolve turns a value of the template into text. It is false for a parameter without a default.
func (c *provisioner) resolve(v any) (string, bool, error) {
	switch v := v.(type) {
	case string:
		return v, true, nil
	case int, float64, bool:
		return fmt.Sprint(v), true, nil
	case template.Ref:
		if parameter, ok := c.template.Parameters[string(v)]; ok {
			if parameter.Default == nil {
				return "", false, nil
			}
			return fmt.Sprint(parameter.Default), true, nil
		}
		m, err := c.create(string(v))
		return m.ref, true, err
	case template.GetAtt:
		m, err := c.create(v.Resource)
		if err != nil {
			return "", false, err
		}
		switch v.Attribute {
		case "Arn":
			return m.arn, true, nil
		case "QueueName":
			return m.arn[strings.LastIndexByte(m.arn, ':')+1:], true, nil
		}
		return "", false, fmt.Errorf("the attribute %s is not known here", v.Attribute)
	}
	return "", false, fmt.Errorf("%v cannot be resolved here: use a plain value, !Ref or !GetAtt", v)
}
