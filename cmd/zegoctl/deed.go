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

// deed is something that an operator is about to do, in words for the audit log, the dry run and the question. They name
// work providers, customers by number, and things by their ids, and nothing else of a person.
type deed struct {
	of      string // what it is done to
	forGood string // what cannot be undone about it, as a clause; "" if nothing is
}

// errDryRun is met where a dry run comes to the first thing that would change something.
var errDryRun = errors.New("a dry run changes nothing")

// deedView is what a dry run tells.
type deedView struct {
	DryRun  bool   `json:"dryRun"`
	Would   string `json:"would"`
	ForGood string `json:"forGood,omitempty"`
}

// do does a deed: once it is confirmed, and its beginning noted in the audit log. What came of it is noted, too. A dry run
// does all that comes before the first change, which are the checks, and tells that they held.
func (t *tool) do(cmd *cobra.Command, d deed, act func() error) error {
	name := strings.TrimPrefix(cmd.CommandPath(), cmd.Root().Name()+" ")
	if t.dryRun {
		err := act()
		if !errors.Is(err, errDryRun) {
			return err // or nothing would have changed
		}
		view := deedView{true, strings.TrimSpace(name + " " + d.of), d.forGood}
		lines := [][]string{{"DRY RUN: nothing was changed. Every check held, so this would be done:"}, {"  " + view.Would}}
		if d.forGood != "" {
			lines = append(lines, []string{"For good: " + d.forGood + "."})
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
	begun, err := log.Begin(cmd.Context(), who, name, d.of, time.Now())
	if err != nil {
		return err // what cannot be noted is not done
	}
	failed := act()
	outcome := audit.OutcomeOK
	if failed != nil {
		outcome = words(failed)
	}
	_, err = log.End(context.WithoutCancel(cmd.Context()), begun, outcome, time.Now()) // Ctrl-C does not undo what is done
	return errors.Join(failed, err)
}

// confirm asks before what cannot be undone.
func (t *tool) confirm(cmd *cobra.Command, d deed) error {
	if d.forGood == "" || t.yes {
		return nil
	}
	fmt.Fprintf(cmd.ErrOrStderr(), "%s: %s. This cannot be undone. Type yes to go on: ", d.of, d.forGood)
	answer, _ := bufio.NewReader(cmd.InOrStdin()).ReadString('\n') // the end of the input is no yes
	if strings.TrimSpace(answer) != "yes" {
		return errors.New("not confirmed, so nothing was changed (--yes confirms beforehand)")
	}
	return nil
}

// harmless are the operations of AWS that change nothing.
var harmless = regexp.MustCompile("^(Get|BatchGet|TransactGet|List|Describe|Query$|Scan$)")

// readOnly is a configuration whose clients refuse every operation that might change something, before it leaves the
// machine. So a dry run needs no second version of what it tries, which could differ from the first.
func readOnly(cfg aws.Config) aws.Config {
	cfg = cfg.Copy()
	cfg.APIOptions = append(slices.Clone(cfg.APIOptions), func(stack *middleware.Stack) error {
		return stack.Initialize.Add(middleware.InitializeMiddlewareFunc("DryRun",
			func(ctx context.Context, in middleware.InitializeInput, next middleware.InitializeHandler) (
				middleware.InitializeOutput, middleware.Metadata, error,
			) {
				if !harmless.MatchString(awsmiddleware.GetOperationName(ctx)) {
					return middleware.InitializeOutput{}, middleware.Metadata{}, errDryRun
				}
				return next.HandleInitialize(ctx, in)
			}), middleware.After)
	})
	return cfg
}
