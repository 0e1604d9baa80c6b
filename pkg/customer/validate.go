package customer

import (
	"net/http"

	"zego.com/workprovider/pkg/fault"
	"zego.com/workprovider/pkg/person"
	"zego.com/workprovider/pkg/web"
)

// Validate returns whether a customer number exists and, if an email is given, whether it is that customer's. One read.
// It does so for any customer and any live key: that is its purpose (contract row 23).
func Validate(keys web.Authenticator, customers *Store) http.Handler {
	return web.NewFunction("validate-customer-number", keys, map[string]web.Handler{
		"GET /v1/validate/customer-number/{customerNumber}": func(r *web.Request) (web.Response, error) {
			query, err := r.Query()
			if err != nil {
				return web.Response{}, err
			}
			name, err := person.NewCustomerNumber(r.PathValue)
			if err != nil || !validNumber(name.Value) { // row 28: an unlikely number is an unknown one
				return web.Response{}, fault.New(fault.InvalidCustomer, "")
			}
			customer, ok, err := customers.Customer(r.Context(), name.Value)
			if err != nil {
				return web.Response{}, err
			}
			if !ok {
				return web.Response{}, fault.New(fault.InvalidCustomer, "")
			}
			// Repeated, every email sent must be the customer's.
			for _, sent := range query["email"] {
				if sent != "" && NormaliseEmail(web.RepairQueryEmail(sent)) != NormaliseEmail(customer.Email) {
					return web.Response{}, fault.New(fault.InvalidCustomerEmail, "")
				}
			}
			return web.Response{Status: http.StatusNoContent}, nil
		},
	})
}
