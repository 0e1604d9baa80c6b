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

// The paths of the fields of an enrolment in the request, as its faults name them; those of the details are in fields.
const (
	userIDPath      = "customer.workProviderUserId"
	codePath        = "product.code"
	occupationsPath = "product.occupations"
)

// maxOccupations is how many occupations a request may name: far more than a product has.
const maxOccupations = 100

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

// enrolResponse is the response, its keys in the documented order.
type enrolResponse struct {
	CustomerNumber     string   `json:"customerNumber"`
	Occupations        []string `json:"occupations"`
	WorkProviderUserID string   `json:"workProviderUserId"`
	Status             string   `json:"status"`
	CoverLevel         string   `json:"coverLevel"`
}

// Enrol creates a customer for a work provider and insures them at once (contract rows 8, 9, 24 and 25).
// normalisePhone is package phone's, which is not linked into what only reads customers.
func Enrol(
	keys web.Authenticator, register *Registrar, normalisePhone func(string) string, now func() time.Time,
) http.Handler {
	return web.NewFunction("customer-enrol", keys, map[string]web.Handler{
		"POST /v1/customer/enrol": func(r *web.Request) (web.Response, error) {
			if !r.Provider.CanEnrol {
				return web.Response{}, fault.New(fault.PermissionDenied, "This work provider may not enrol customers")
			}
			var body enrolRequest
			if err := web.Decode(r.Body, &body); err != nil {
				return web.Response{}, err
			}
			asked, err := body.parse(normalisePhone, now())
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

// enrolInput is a request to enrol whose fields are valid. Whether the product exists is not known yet.
type enrolInput struct {
	details     Details
	earlier     Details // as earlier releases normalised what was sent
	userID      string
	code        string
	occupations []string // as the request names them
}

// parse validates the body's fields in the order of the documentation.
func (b enrolRequest) parse(normalisePhone func(string) string, now time.Time) (enrolInput, error) {
	c := b.Customer
	details := Details{
		GivenNames: c.GivenNames, LastName: c.LastName, Address: c.Address, City: c.City, PostCode: c.PostCode,
		DOB: c.DOB, Email: c.Email, PhoneNumber: c.PhoneNumber,
	}
	earlier := details.trim()
	details.PhoneNumber = normalisePhone(details.PhoneNumber)
	details, err := details.Normalise(now)
	if err != nil {
		return enrolInput{}, err
	}
	name, err := person.NewUserID(string(c.WorkProviderUserID))
	if err != nil {
		return enrolInput{}, fault.InvalidField(
			userIDPath,
			"`"+userIDPath+"` must be 1 to 255 bytes long, without control characters",
		)
	}
	a := enrolInput{
		details: details, earlier: earlier, userID: name.Value, code: strings.TrimSpace(b.Product.Code),
	}
	if a.code == "" || len(a.code) > maxText {
		return enrolInput{}, fault.InvalidField(codePath, "`"+codePath+"` is required, in at most 200 bytes")
	}
	if len(b.Product.Occupations) > maxOccupations {
		return enrolInput{}, fault.InvalidField(
			occupationsPath, fmt.Sprintf("`%s` must have at most %d items", occupationsPath, maxOccupations))
	}
	for _, occupation := range b.Product.Occupations {
		a.occupations = append(a.occupations, strings.TrimSpace(occupation))
	}
	return a, nil
}

// fields returns what distinguishes one enrolment from another under the same id, in the order of the documentation.
func (a enrolInput) fields() []enrolField {
	var fields []enrolField
	earlier := fieldsOf(&a.earlier)
	for i, f := range fieldsOf(&a.details) {
		field := enrolField{path: f.path, text: *f.value, earlier: *earlier[i].value}
		if f.value == &a.details.Email {
			field.text = NormaliseEmail(*f.value) // sent again in another case it is the same enrolment
		}
		fields = append(fields, field)
	}
	return append(
		fields,
		enrolField{path: codePath, text: a.code},
		enrolField{path: occupationsPath, text: fmt.Sprintf("%q", a.occupations)},
	)
}

// enrolment is the result of an enrolment: the first response, and digests of the request.
type enrolment struct {
	number      string
	occupations []string
	coverLevel  string
	digests     digests
}

// enrol returns the first response again, or creates the customer. Of any number of equal requests at once, one creates
// the customer; the others meet a conflict, and find it.
func (r *Registrar) enrol(ctx context.Context, provider string, a enrolInput, now time.Time) (e enrolment, err error) {
	link := &InitialShare{Provider: provider, UserID: a.userID, Since: now}
	err = table.RetryConflicts(ctx, func() error {
		// The owner of the id is read first, because an enrolment writes both: if the id has an owner and there is
		// still no enrolment afterwards, then it was linked in another way.
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
			return e.digests.diff(a.fields())
		case owned.Owner != "":
			return userIDTaken()
		}
		product, ok, err := r.customers.Product(ctx, a.code)
		if err != nil {
			return err
		}
		if !ok || !product.EnrolByAPI {
			return fault.InvalidField(codePath, "`"+codePath+"` is not a product that accepts enrolments")
		}
		policy, err := product.Policy(a.occupations)
		if err != nil {
			return err
		}
		e = enrolment{occupations: policy.Occupations, coverLevel: policy.CoverLevel, digests: digestsOf(a.fields())}
		_, err = r.createTx(ctx, NewCustomer{Details: a.details, Policy: policy, Share: link}, owned, &e, now)
		return err
	})
	return e, err
}

// enrolField is one field of an enrolment.
type enrolField struct {
	path    string
	text    string // as it is compared
	earlier string // as earlier releases compared it; "" if they did as this one
}

// digests say whether a request is the one that was made first. They are stored instead of it, so that details are not
// kept twice, and do not change when the customer moves house.
type digests struct {
	salt   []byte
	byPath map[string][]byte // by path
}

// digestsOf generates a salt, without which a date of birth could be found by trying all of them.
func digestsOf(values []enrolField) digests {
	d := digests{salt: make([]byte, 16), byPath: make(map[string][]byte, len(values))}
	rand.Read(d.salt) // never fails: the runtime stops the program instead
	for _, v := range values {
		d.byPath[v.path] = d.digest(v.path, v.text)
	}
	return d
}

func (d digests) digest(path, text string) []byte {
	mac := hmac.New(sha256.New, d.salt)
	mac.Write([]byte(path + "\x00" + text))
	return mac.Sum(nil)[:16]
}

// diff returns nil if the values are those of the first request, else a fault that names the first that differs
// (contract row 25).
func (d digests) diff(values []enrolField) error {
	for _, v := range values {
		first := d.byPath[v.path]
		same := bytes.Equal(first, d.digest(v.path, v.text)) ||
			v.earlier != "" && bytes.Equal(first, d.digest(v.path, v.earlier))
		if !same {
			return fault.InvalidField(v.path, "`"+v.path+"` differs from the earlier enrolment of this workProviderUserId")
		}
	}
	return nil
}
