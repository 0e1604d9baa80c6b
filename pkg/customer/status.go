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
}

// Status returns whether a person is insured, with two reads: who they are, and their policy. An unknown customer and
// one who does not share with the caller are the same InvalidCustomer (contract row 23).
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
			number, err := consentedNumber(r.Context(), timelines, r.Provider.ID, name, now())
			if err != nil {
				return web.Response{}, err
			}
			policy, err := customers.Policy(r.Context(), number)
			if err != nil {
				return web.Response{}, err
			}
			return web.Response{Status: http.StatusOK, Body: newStatusResponse(number, policy)}, nil
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

// consentedNumber returns the number of the customer of that name who shares with the work provider now. One read.
func consentedNumber(
	ctx context.Context,
	timelines *timeline.Store,
	provider string,
	name person.Name,
	now time.Time,
) (string, error) {
	number := name.Value
	var known bool
	switch name.Kind {
	case person.UserID:
		owner, err := timelines.OwnerNumber(ctx, provider, name.Value)
		if err != nil {
			return "", err
		}
		number = owner
		known = owner != ""
	case person.CustomerNumber:
		history, err := timelines.History(ctx, provider, name.Value)
		if err != nil {
			return "", err
		}
		known = history.Consented(timeline.At(now))
	}
	if !known {
		return "", fault.New(fault.InvalidCustomer, "")
	}
	return number, nil
}
