// Package mail sends mail to customers, through SES.
package mail

import (
	"context"
	"errors"
	"fmt"

	"github.com/aws/aws-sdk-go-v2/service/sesv2"
	"github.com/aws/aws-sdk-go-v2/service/sesv2/types"
	"github.com/aws/smithy-go"

	"zego.com/workprovider/pkg/config"
	"zego.com/workprovider/pkg/fault"
)

// Message is one mail, in plain text: every mail program shows it, and nothing in it can be followed but what is read.
type Message struct {
	To      string // one address
	Subject string
	Text    string
}

// Sender sends mail. It is a seam: SES is behind it, or a test that wants to read what was sent, or to refuse it.
type Sender interface {
	// Send returns when the mail is taken; that it arrives nobody can say. An error is Unavailable.
	Send(ctx context.Context, m Message) error
}

// SES sends mail from one address, whose domain has to be verified there.
type SES struct {
	client *sesv2.Client
	from   string
}

var _ Sender = (*SES)(nil)

// NewSES sends from the address that MAIL_FROM holds.
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
	if err != nil {
		// Of SES's own words only the kind is kept: they may hold the address.
		return fault.Wrap(fault.Unavailable, fmt.Errorf("mail: SES refused: %w", redact(err)))
	}
	return nil
}

// redact is an error without its words, but for the code that AWS gave it.
func redact(err error) error {
	var api smithy.APIError
	if errors.As(err, &api) {
		return errors.New(api.ErrorCode())
	}
	return fmt.Errorf("%T", err)
}
