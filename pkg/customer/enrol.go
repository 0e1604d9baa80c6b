package customer

import (
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"fmt"
	"net/http"
	"strings"
	"time"

	"zego.com/workprovider/pkg/fault"
	"zego.com/workprovider/pkg/person"
	"zego.com/workprovider/pkg/table"
	"zego.com/workprovider/pkg/web"
)

// Where the fields of an enrolment stand in the request, as its faults name them; the details' own are in fields.
const (
	userIDPath      = "customer.workProviderUserId"
	codePath        = "product.code"
	occupationsPath = "product.occupations"
)

// enrolRequest is the body of POST /v1/customer/enrol.
type enrolRequest struct {
	Customer struct {
		GivenNames         string    `json:"givenNames"`
		LastName           string    `json:"lastName"`
		Address            string    `json:"address"`
		City               string    `json:"city"`
		PostCode           string    `json:"postCode"`
		DOB                string    `json:"dob"`
		Email              string    `json:"email"`
		PhoneNumber        string    `json:"phoneNumber"`
		WorkProviderUserID person.ID `json:"workProviderUserId"`
	} `json:"customer"`
	Product struct {
		Code        string   `json:"code"`
		Occupations []string `json:"occupations"` // optional
	} `json:"product"`
}

// enrolResponse is the answer, its keys in the documented order.
type enrolResponse struct {
	CustomerNumber     string   `json:"customerNumber"`
	Occupations        []string `json:"occupations"`
	WorkProviderUserID string   `json:"workProviderUserId"`
	Status             string   `json:"status"`
	CoverLevel         string   `json:"coverLevel"`
}

// Enrol makes a new customer of a work provider's person and insures them at once (contract rows 8, 9, 24 and 25).
func Enrol(keys web.Authenticator, register *Register, now func() time.Time) http.Handler {
	return web.Function("customer-enrol", keys, map[string]web.Handler{
		"POST /v1/customer/enrol": func(r *web.Request) (web.Response, error) {
			if !r.Provider.CanEnrol {
				return web.Response{}, fault.New(fault.PermissionDenied, "This work provider may not enrol customers")
			}
			var body enrolRequest
			if err := web.Decode(r.Body, &body); err != nil {
				return web.Response{}, err
			}
			asked, err := body.application(now())
			if err != nil {
				return web.Response{}, err
			}
			e, err := register.enrol(r.Context(), r.Provider.ID, asked, now())
			if err != nil {
				return web.Response{}, err
			}
			return web.Response{Status: http.StatusAccepted, Body: enrolResponse{
				CustomerNumber:     e.number,
				Occupations:        append([]string{}, e.occupations...), // [] if none were sent
				WorkProviderUserID: asked.userID,
				Status:             "Created",
				CoverLevel:         e.coverLevel,
			}}, nil
		},
	})
}

// application is a request to enrol whose fields are as they must be. Whether the product can be had is not known yet.
type application struct {
	details     Details
	userID      string
	code        string
	occupations []string // as they were named
}

// application checks the body's fields in the order of the documentation.
func (b enrolRequest) application(now time.Time) (application, error) {
	c := b.Customer
	details, err := Details{
		GivenNames: c.GivenNames, LastName: c.LastName, Address: c.Address, City: c.City, PostCode: c.PostCode,
		DOB: c.DOB, Email: c.Email, PhoneNumber: c.PhoneNumber,
	}.Clean(now)
	if err != nil {
		return application{}, err
	}
	name, err := person.NewUserID(string(c.WorkProviderUserID))
	if err != nil {
		return application{}, fault.Field(userIDPath, "`"+userIDPath+"` must be 1 to 255 bytes long, without control characters")
	}
	a := application{details: details, userID: name.Value, code: strings.TrimSpace(b.Product.Code)}
	if a.code == "" || len(a.code) > maxText {
		return application{}, fault.Field(codePath, "`"+codePath+"` is required, in at most 200 bytes")
	}
	for _, occupation := range b.Product.Occupations {
		a.occupations = append(a.occupations, strings.TrimSpace(occupation))
	}
	return a, nil
}

// values are what distinguishes one application from another under the same id, in the order of the documentation.
func (a application) values() []value {
	var values []value
	for _, f := range a.details.fields() {
		values = append(values, value{f.path, *f.value})
	}
	return append(values, value{codePath, a.code}, value{occupationsPath, fmt.Sprintf("%q", a.occupations)})
}

// enrolment is what an application has led to: the first answer, and digests of what was asked.
type enrolment struct {
	number      string
	occupations []string
	coverLevel  string
	asked       digests
}

// enrol gives the first answer again, or makes a customer of the person. However many ask the same at once, one of them
// makes the customer; the others, overtaken, find it.
func (r *Register) enrol(ctx context.Context, provider string, a application, now time.Time) (e enrolment, err error) {
	link := &Link{Provider: provider, UserID: a.userID, Since: now}
	err = table.RetryConflicts(ctx, func() error {
		// Whose the id is comes first, because an enrolment writes both: if the id is somebody's and there is still no
		// enrolment afterwards, then it was linked in another way.
		owned, err := r.ownership(ctx, link)
		if err != nil {
			return err
		}
		var before bool
		if e, before, err = r.customers.enrolment(ctx, provider, a.userID); err != nil {
			return err
		}
		switch {
		case before:
			return e.asked.same(a.values())
		case owned.Owner != "":
			return userIDTaken()
		}
		product, ok, err := r.customers.Product(ctx, a.code)
		if err != nil {
			return err
		}
		if !ok || !product.EnrolByAPI {
			return fault.Field(codePath, "`"+codePath+"` is no product that customers can be enrolled on")
		}
		policy, err := product.Policy(a.occupations)
		if err != nil {
			return err
		}
		e = enrolment{occupations: policy.Occupations, coverLevel: policy.CoverLevel, asked: digestsOf(a.values())}
		_, err = r.write(ctx, New{Details: a.details, Policy: policy, Link: link}, owned, &e, now)
		return err
	})
	return e, err
}

// value is one field of an application.
type value struct{ path, text string }

// digests tell whether an application is the one that was made first. They are stored instead of it, so that nobody's
// details are kept twice, and stay what they were when the customer moves house.
type digests struct {
	salt []byte
	of   map[string][]byte // by path
}

// digestsOf draws a salt, without which a short list of birthdays would do to find one out.
func digestsOf(values []value) digests {
	d := digests{salt: make([]byte, 16), of: make(map[string][]byte, len(values))}
	rand.Read(d.salt) // never fails: the runtime stops the program instead
	for _, v := range values {
		d.of[v.path] = d.digest(v)
	}
	return d
}

func (d digests) digest(v value) []byte {
	mac := hmac.New(sha256.New, d.salt)
	mac.Write([]byte(v.path + "\x00" + v.text))
	return mac.Sum(nil)[:16]
}

// same is nil if the values are those first asked, else a fault that names the first that is not (row 25).
func (d digests) same(values []value) error {
	for _, v := range values {
		if !bytes.Equal(d.of[v.path], d.digest(v)) {
			return fault.Field(v.path, "`"+v.path+"` differs from what was enrolled under this workProviderUserId before")
		}
	}
	return nil
}
