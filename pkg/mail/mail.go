// Package mail sends mail to customers, through SES.
package mail

import (
	"context"
	"errors"
	"fmt"
	"log/slog"

	"github.com/aws/aws-sdk-go-v2/service/sesv2"
	"github.com/aws/aws-sdk-go-v2/service/sesv2/types"
	"github.com/aws/smithy-go"

	"zego.com/workprovider/pkg/config"
	"zego.com/workprovider/pkg/fault"
)

// Message is one mail, in plain text: every mail program shows it, and a link in it leads where it says.
type Message struct {
	To      string // one address
	Subject string
	Text    string
}

// Sender sends mail. It is implemented by SES, and in tests by senders that keep the mails or fail.
type Sender interface {
	// Send returns when the mail is accepted; whether it is delivered is not known. An address that
	// SES rejects for good is InvalidData; any other error is Unavailable.
	Send(ctx context.Context, m Message) error
}

// SES sends mail from one address, whose domain has to be verified there.
type SES struct {
	client *sesv2.Client
	from   string
}

var _ Sender = (*SES)(nil)

// NewSES returns a sender from the address in MAIL_FROM.
func NewSES(env *config.Env) *SES {
	return &SES{client: sesv2.NewFromConfig(env.AWS()), from: env.Get("MAIL_FROM")}
}

// Send implements Sender.
func (s *SES) Send(ctx context.Context, m Message) error {
	_, err := s.client.SendEmail(ctx, &sesv2.SendEmailInput{
		FromEmailAddress: &s.from,
		Destination:      &types.Destination{ToAddresses: []string{m.To}},
		Content: &types.EmailContent{Simple: &types.Message{
			Subject: &types.Content{Data: &m.Subject},
			Body:    &types.Body{Text: &types.Content{Data: &m.Text}},
		}},
	})
	if rejected := (*types.BadRequestException)(nil); errors.As(err, &rejected) {
		slog.WarnContext(ctx, "SES rejected an address", "error", redact(err))
		return fault.InvalidField("email", "`email` must be an address that mail can be sent to")
	}
	if err != nil {
		// Of SES's own message only the code is kept: the rest may hold the address.
		return fault.Wrap(fault.Unavailable, fmt.Errorf("mail: SES: %w", redact(err)))
	}
	return nil
}

// redact returns an error without its message, except for the code that AWS gave it.
func redact(err error) error {
	var api smithy.APIError
	if errors.As(err, &api) {
		return errors.New(api.ErrorCode())
	}
	return fmt.Errorf("%T", err)
}
