package privacy

import (
	"context"
	"slices"
	"time"

	"zego.com/workprovider/pkg/person"
	"zego.com/workprovider/pkg/timeline"
)

// Export is everything that is held of a person, in words that the person can read and a program can, too. What is held
// for a day at most (sessions, links of mails) is not in it, nor is the password, of which only a hash is known.
type Export struct {
	CustomerNumber string    `json:"customerNumber"`
	AsOf           time.Time `json:"asOf"`
	Erased         time.Time `json:"erased,omitzero"`
	Details        *Details  `json:"details,omitempty"`
	Policy         Policy    `json:"policy"`
	Account        *Account  `json:"account,omitempty"`
	Sharing        []Sharing `json:"sharing"`
}

// Details are who the person is.
type Details struct {
	GivenNames  string `json:"givenNames"`
	LastName    string `json:"lastName"`
	Address     string `json:"address"`
	City        string `json:"city"`
	PostCode    string `json:"postCode"`
	DOB         string `json:"dob"`
	Email       string `json:"email"`
	PhoneNumber string `json:"phoneNumber"`
}

// Policy is what the person is covered for.
type Policy struct {
	Insured             bool     `json:"insured"`
	Product             string   `json:"product,omitempty"`
	Occupations         []string `json:"occupations,omitempty"`
	CoverLevel          string   `json:"coverLevel"`
	ClassOfUse          string   `json:"classOfUse"`
	VehicleRegistration string   `json:"vehicleRegistration,omitempty"`
}

// Account is what the person logs in with, beside the email.
type Account struct {
	PasswordChanged time.Time `json:"passwordChanged"`
}

// Sharing is what passed between the person and one work provider.
type Sharing struct {
	WorkProvider        string     `json:"workProvider"`
	WorkProviderUserIDs []string   `json:"workProviderUserIds"`
	EnrolledAs          []string   `json:"enrolledAs,omitempty"` // those of the ids under which it enrolled the person
	History             []Change   `json:"history"`
	Events              []Event    `json:"events"`
	Shifts              []Shift    `json:"shifts"`
	Deliveries          []Delivery `json:"deliveries,omitempty"`
}

// Change is a line of the history of consents, ids and matches.
type Change struct {
	Type               string    `json:"what"`
	At                 time.Time `json:"at"`
	WorkProviderUserID string    `json:"workProviderUserId,omitempty"`
}

// Event is what the work provider said of the person.
type Event struct {
	Kind               string    `json:"kind"`
	At                 time.Time `json:"at"`
	PlannedEnd         time.Time `json:"plannedEnd,omitzero"`
	WorkProviderUserID string    `json:"workProviderUserId,omitempty"` // by which it called the person
	Counts             bool      `json:"counts"`
}

// Shift is a time in which the person was insured.
type Shift struct {
	Start   time.Time `json:"start"`
	End     time.Time `json:"end"`
	EndedBy string    `json:"endedBy"`
}

// Delivery is an occasion on which the person's number, email and telephone number were sent to the work provider.
type Delivery struct {
	ID       string    `json:"id"`
	State    string    `json:"state"`
	Attempts int       `json:"attempts"`
	Updated  time.Time `json:"updated"`
}

// Export is everything that is held of the customer of that number, now. NotFound if there never was one.
func (d *Service) Export(ctx context.Context, number string, now time.Time) (Export, error) {
	e := Export{CustomerNumber: number, AsOf: now.UTC(), Sharing: []Sharing{}}
	c, ok, err := d.customers.Customer(ctx, number)
	if err != nil {
		return e, err
	}
	if e.Erased, err = d.customers.Erased(ctx, number); err != nil {
		return e, err
	}
	if !ok && e.Erased.IsZero() {
		return e, errNotFound
	}
	if ok {
		details := Details(c.Details)
		e.Details = &details
		a, ok, err := d.accounts.Account(ctx, c.Email)
		if err != nil {
			return e, err
		}
		if ok && a.Customer == number {
			e.Account = &Account{PasswordChanged: a.PasswordChanged}
		}
	}
	p, err := d.customers.Policy(ctx, number)
	if err != nil {
		return e, err
	}
	e.Policy = Policy(p)
	relations, err := d.providerHistories(ctx, number)
	if err != nil {
		return e, err
	}
	for _, r := range relations {
		s, err := d.sharing(ctx, r, number, now)
		if err != nil {
			return e, err
		}
		e.Sharing = append(e.Sharing, s)
	}
	return e, nil
}

// sharing is everything that passed between a customer and a work provider.
func (d *Service) sharing(
	ctx context.Context, r providerHistory, number string, now time.Time,
) (Sharing, error) {
	s := Sharing{
		WorkProvider: r.provider.Name, WorkProviderUserIDs: append([]string{}, r.history.AllUserIDs()...), Events: []Event{},
		Shifts: []Shift{},
	}
	for _, entry := range r.history.Entries() {
		s.History = append(s.History, Change{entry.Kind.APIName(), entry.At.Time(), entry.UserID})
	}
	history, facts, err := timeline.CustomerFacts(ctx, d.timelines, r.provider.ID, number, timeline.AllDays())
	if err != nil {
		return s, err
	}
	for _, f := range facts {
		e := Event{Kind: f.Kind.String(), At: f.At.Time(), Counts: history.Counts(f)}
		if f.PlannedEnd != timeline.Never {
			e.PlannedEnd = f.PlannedEnd.Time()
		}
		if f.Name.Kind == person.UserID {
			e.WorkProviderUserID = f.Name.Value
		}
		s.Events = append(s.Events, e)
	}
	records, err := d.timelines.Records(ctx, r.provider.ID, number, timeline.AllDays())
	if err != nil {
		return s, err
	}
	for _, record := range records {
		for _, shift := range record.Shifts {
			if shift.Begun(timeline.At(now)) {
				s.Shifts = append(s.Shifts, Shift{shift.Start.Time(), shift.End.Time(), shift.EndedBy.String()})
			}
		}
	}
	if s.EnrolledAs, err = d.enrolledUserIDs(ctx, r, number); err != nil {
		return s, err
	}
	s.Deliveries, err = d.deliveriesAbout(ctx, r, number)
	return s, err
}

// deliveriesAbout are the deliveries about a customer to a work provider's webhook: they stand in the months of the
// consents.
func (d *Service) deliveriesAbout(ctx context.Context, r providerHistory, number string) ([]Delivery, error) {
	var months []string
	for _, entry := range r.history.Entries() {
		if month := entry.At.Time().Format("2006-01"); entry.Kind == timeline.Consent && !slices.Contains(months, month) {
			months = append(months, month)
		}
	}
	var told []Delivery
	for _, month := range months {
		all, err := d.deliveries.List(ctx, r.provider.ID, month)
		if err != nil {
			return nil, err
		}
		for _, delivery := range all {
			if delivery.Customer == number {
				told = append(told, Delivery{delivery.ID, string(delivery.State), delivery.Attempts, delivery.UpdatedAt.UTC()})
			}
		}
	}
	return told, nil
}
