package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	awsmiddleware "github.com/aws/aws-sdk-go-v2/aws/middleware"
	"github.com/aws/smithy-go/middleware"
	"github.com/spf13/cobra"

	"zego.com/workprovider/pkg/audit"
)

// action describes a change in the audit log, in a dry run and in the confirmation. It names work providers, customers
// by number, and other things by ID. It contains no other personal data.
type action struct {
	target       string // the arguments of the command
	irreversible string // what cannot be undone, as a clause; "" for a change that can be undone
}

// errDryRun ends a dry run at the first call that would change something.
var errDryRun = errors.New("a dry run changes nothing")

// dryRunView is the result of a dry run.
type dryRunView struct {
	DryRun       bool   `json:"dryRun"`
	WouldDo      string `json:"wouldDo"`
	Irreversible string `json:"irreversible,omitempty"`
}

// run asks for confirmation, records the action in the audit log, performs it, and records its outcome. In a dry run,
// perform runs until its first change: all checks come before it. An action that changes nothing but must be logged,
// such as a look-up of a person, returns errDryRun itself.
func (t *tool) run(cmd *cobra.Command, a action, perform func() error) error {
	name := strings.TrimPrefix(cmd.CommandPath(), cmd.Root().Name()+" ")
	if t.dryRun {
		err := perform()
		if !errors.Is(err, errDryRun) {
			return err // a failed check, or nothing to change
		}
		view := dryRunView{true, strings.TrimSpace(name + " " + a.target), a.irreversible}
		rows := [][]string{{"DRY RUN: nothing was changed. All checks passed; this would be done:"}, {"  " + view.WouldDo}}
		if a.irreversible != "" {
			rows = append(rows, []string{"Irreversible: " + a.irreversible + "."})
		}
		return t.show(cmd, view, rows...)
	}
	if err := t.confirm(cmd, a); err != nil {
		return err
	}
	env, err := t.env(cmd)
	if err != nil {
		return err
	}
	log := audit.NewStore(env)
	if err := env.Err(); err != nil {
		return err
	}
	operator, err := audit.Identify(cmd.Context(), env.AWS())
	if err != nil {
		return err
	}
	start, err := log.Begin(cmd.Context(), operator, name, a.target, time.Now())
	if err != nil {
		return err // an action that cannot be logged is not performed
	}
	result := perform()
	outcome := audit.OutcomeOK
	if result != nil {
		outcome = errorText(result)
	}
	ctx := context.WithoutCancel(cmd.Context()) // the outcome is recorded even after Ctrl-C
	_, err = log.End(ctx, start, outcome, time.Now())
	return errors.Join(result, err)
}

// confirm asks for confirmation of an irreversible action.
func (t *tool) confirm(cmd *cobra.Command, a action) error {
	if a.irreversible == "" || t.yes {
		return nil
	}
	fmt.Fprintf(cmd.ErrOrStderr(), "%s: %s. This cannot be undone. Type yes to continue: ", a.target, a.irreversible)
	reply, _ := bufio.NewReader(cmd.InOrStdin()).ReadString('\n') // an error, such as the end of the input, is not a yes
	if strings.TrimSpace(reply) != "yes" {
		return errors.New("not confirmed, nothing was changed (--yes confirms beforehand)")
	}
	return nil
}

// readOnlyOps matches the AWS operations that change nothing.
var readOnlyOps = regexp.MustCompile("^(Get|BatchGet|TransactGet|List|Describe|Query$|Scan$)")

// readOnly returns a configuration whose clients fail with errDryRun, before a request is sent, for every operation
// that may change something. So a dry run executes the same code as the action itself.
func readOnly(cfg aws.Config) aws.Config {
	cfg = cfg.Copy()
	cfg.APIOptions = append(slices.Clone(cfg.APIOptions), func(stack *middleware.Stack) error {
		return stack.Initialize.Add(middleware.InitializeMiddlewareFunc("DryRun",
			func(ctx context.Context, in middleware.InitializeInput, next middleware.InitializeHandler) (
				middleware.InitializeOutput, middleware.Metadata, error,
			) {
				if !readOnlyOps.MatchString(awsmiddleware.GetOperationName(ctx)) {
					return middleware.InitializeOutput{}, middleware.Metadata{}, errDryRun
				}
				return next.HandleInitialize(ctx, in)
			}), middleware.After)
	})
	return cfg
}
