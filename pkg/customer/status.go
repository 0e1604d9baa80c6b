package customer

import (
	"context"
	"net/http"
	"time"

	"zego.com/workprovider/pkg/fault"
	"zego.com/workprovider/pkg/person"
	"zego.com/workprovider/pkg/timeline"
	"zego.com/workprovider/pkg/web"
)

// statusResponse is the response of GET /v1/user/status, its keys in the documented order. The two numbers are always
// equal; the older name of the two is kept for old clients.
type statusResponse struct {
	Status              string `json:"status"`
	PolicyID            string `json:"policyId"`
	CustomerNumber      string `json:"customer_number"`
	ClassOfUse          string `json:"cover_class_of_use,omitempty"`
	CoverLevel          string `json:"cover_level,omitempty"`
	VehicleRegistration string `json:"vehicle_registration,omitempty"`
	Detail              string `json:"detail,omitempty"`
}

// DetailUncounted is the detail of somebody who is insured, but whom the work provider has not confirmed as its own: no
// shift of theirs counts before that (rule 7).
const DetailUncounted = "Insured, shifts not yet counted"

// Status returns whether a person is insured, and whether their shifts count, with two reads, and one more for a
// workProviderUserId: whose it is, their history, and their policy. An unknown customer and one who does not share with
// the caller are the same InvalidCustomer (contract row 23).
func Status(keys web.Authenticator, customers *Store, timelines *timeline.Store, now func() time.Time) http.Handler {
	return web.NewFunction("user-status", keys, map[string]web.Handler{
		"GET /v1/user/status": func(r *web.Request) (web.Response, error) {
			query, err := r.Query()
			if err != nil {
				return web.Response{}, err
			}
			person.ReportDeprecatedQuery(query, r.NoteDeprecated)
			name, err := person.FromQuery(query)
			if err != nil {
				return web.Response{}, err
			}
			at := timeline.At(now())
			number, history, err := consented(r.Context(), timelines, r.Provider.ID, name, at)
			if err != nil {
				return web.Response{}, err
			}
			policy, err := customers.Policy(r.Context(), number)
			if err != nil {
				return web.Response{}, err
			}
			response := newStatusResponse(number, policy)
			if policy.Insured && !history.Matched(at) {
				response.Detail = DetailUncounted
			}
			return web.Response{Status: http.StatusOK, Body: response}, nil
		},
	})
}

func newStatusResponse(number string, p Policy) statusResponse {
	s := statusResponse{Status: "DISABLED", PolicyID: number, CustomerNumber: number}
	if p.Insured {
		s.Status = "ENABLED"
		s.ClassOfUse = p.ClassOfUse
		s.CoverLevel = p.CoverLevel
		s.VehicleRegistration = p.VehicleRegistration
	}
	return s
}

// consented returns the number and the history of the customer of that name who shares with the work provider at an
// instant.
func consented(
	ctx context.Context,
	timelines *timeline.Store,
	provider string,
	name person.Name,
	at timeline.Instant,
) (string, timeline.History, error) {
	unknown := fault.New(fault.InvalidCustomer, "")
	number := name.Value
	if name.Kind == person.UserID {
		owner, err := timelines.OwnerNumber(ctx, provider, name.Value)
		if err != nil {
			return "", timeline.History{}, err
		}
		if owner == "" {
			return "", timeline.History{}, unknown
		}
		number = owner
	}
	history, err := timelines.History(ctx, provider, number)
	if err != nil {
		return "", timeline.History{}, err
	}
	if !history.Consented(at) {
		return "", timeline.History{}, unknown
	}
	return number, history, nil
}
