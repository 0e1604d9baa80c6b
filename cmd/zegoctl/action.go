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

// action is a change that an operator is about to make, as the audit log, the dry run and the confirmation name it. It
// names work providers, customers by number, and other things by their ids, and contains nothing else of a person.
type action struct {
	target       string // what it is done to
	irreversible string // what cannot be undone about it, as a clause; "" if nothing is
}

// errDryRun stops a dry run at the first call that would change something.
var errDryRun = errors.New("a dry run changes nothing")

// dryRunView is the result of a dry run.
type dryRunView struct {
	DryRun       bool   `json:"dryRun"`
	WouldDo      string `json:"would"`
	Irreversible string `json:"forGood,omitempty"`
}

// run makes a change: it is confirmed, recorded in the audit log, and then made; its outcome is recorded, too. A dry
// run does all that comes before the first change, which are the checks, and shows that they succeeded.
func (t *tool) run(cmd *cobra.Command, d action, act func() error) error {
	name := strings.TrimPrefix(cmd.CommandPath(), cmd.Root().Name()+" ")
	if t.dryRun {
		err := act()
		if !errors.Is(err, errDryRun) {
			return err // or nothing would have changed
		}
		view := dryRunView{true, strings.TrimSpace(name + " " + d.target), d.irreversible}
		lines := [][]string{{"DRY RUN: nothing was changed. Every check held, so this would be done:"}, {"  " + view.WouldDo}}
		if d.irreversible != "" {
			lines = append(lines, []string{"For good: " + d.irreversible + "."})
		}
		return t.show(cmd, view, lines...)
	}
	if err := t.confirm(cmd, d); err != nil {
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
	who, err := audit.Identify(cmd.Context(), env.AWS())
	if err != nil {
		return err
	}
	begun, err := log.Begin(cmd.Context(), who, name, d.target, time.Now())
	if err != nil {
		return err // an action that cannot be logged is not performed
	}
	failed := act()
	outcome := audit.OutcomeOK
	if failed != nil {
		outcome = errorText(failed)
	}
	_, err = log.End(context.WithoutCancel(cmd.Context()), begun, outcome, time.Now()) // Ctrl-C does not undo what is done
	return errors.Join(failed, err)
}

// confirm asks before what cannot be undone.
func (t *tool) confirm(cmd *cobra.Command, d action) error {
	if d.irreversible == "" || t.yes {
		return nil
	}
	fmt.Fprintf(cmd.ErrOrStderr(), "%s: %s. This cannot be undone. Type yes to go on: ", d.target, d.irreversible)
	answer, _ := bufio.NewReader(cmd.InOrStdin()).ReadString('\n') // the end of the input is no yes
	if strings.TrimSpace(answer) != "yes" {
		return errors.New("not confirmed, so nothing was changed (--yes confirms beforehand)")
	}
	return nil
}

// readOnlyOps are the operations of AWS that change nothing.
var readOnlyOps = regexp.MustCompile("^(Get|BatchGet|TransactGet|List|Describe|Query$|Scan$)")

// readOnly is a configuration whose clients refuse every operation that might change something, before it leaves the
// machine. So a dry run needs no second version of what it tries, which could differ from the first.
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
