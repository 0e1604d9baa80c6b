package emulator

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"slices"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sesv2"
	"github.com/aws/aws-sdk-go-v2/service/sesv2/types"
)

// MailFrom is the address that mails come from here, for MAIL_FROM.
const MailFrom = "no-reply@zego.example"

// Mail is a message that SES was given. It went nowhere else.
type Mail struct {
	To      []string
	Subject string
	Text    string
	Sent    time.Time
}

// VerifySender lets SES take mails from MailFrom: here as on AWS it takes them only from addresses that were verified.
func VerifySender(ctx context.Context, cfg aws.Config) error {
	_, err := sesv2.NewFromConfig(cfg).
		CreateEmailIdentity(ctx, &sesv2.CreateEmailIdentityInput{EmailIdentity: aws.String(MailFrom)})
	if exists := (*types.AlreadyExistsException)(nil); errors.As(err, &exists) {
		return nil
	}
	return err
}

// Outbox is every mail that the emulator at the endpoint was given to send, the newest first.
func Outbox(ctx context.Context, endpoint string) ([]Mail, error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, endpoint+"/_ministack/ses/messages", nil)
	if err != nil {
		return nil, err
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return nil, err
	}
	defer response.Body.Close()
	var taken struct {
		Messages map[string][]struct { // by account
			To                []string
			Subject, BodyText string
			Timestamp         float64 // seconds since the epoch
		}
	}
	if err := json.NewDecoder(response.Body).Decode(&taken); err != nil {
		return nil, err
	}
	var all []Mail
	for _, mails := range taken.Messages {
		for _, m := range mails {
			all = append(all, Mail{m.To, m.Subject, m.BodyText, time.UnixMicro(int64(m.Timestamp * 1e6))})
		}
	}
	slices.SortStableFunc(all, func(a, b Mail) int { return b.Sent.Compare(a.Sent) })
	return all, nil
}
