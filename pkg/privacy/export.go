package privacy

import (
	"context"
	"slices"
	"time"

	"zego.com/workprovider/pkg/person"
	"zego.com/workprovider/pkg/timeline"
)

// Export contains all data about a customer, in a form that is readable by people and programs. It omits data that is
// stored for a day at most (sessions, links in mails) and the hash of the password.
type Export struct {
	CustomerNumber string    `json:"customerNumber"`
	AsOf           time.Time `json:"asOf"`
	Erased         time.Time `json:"erased,omitzero"`
	Details        *Details  `json:"details,omitempty"`
	Policy         Policy    `json:"policy"`
	Account        *Account  `json:"account,omitempty"`
	Sharing        []Sharing `json:"sharing"`
}

// Details are the customer's personal details.
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

// Policy is the customer's cover.
type Policy struct {
	Insured             bool     `json:"insured"`
	Product             string   `json:"product,omitempty"`
	Occupations         []string `json:"occupations,omitempty"`
	CoverLevel          string   `json:"coverLevel"`
	ClassOfUse          string   `json:"classOfUse"`
	VehicleRegistration string   `json:"vehicleRegistration,omitempty"`
}

// Account is the customer's account, whose user name is the email address.
type Account struct {
	PasswordChanged time.Time `json:"passwordChanged"`
}

// Sharing contains the data shared between the customer and one work provider.
type Sharing struct {
	WorkProvider        string     `json:"workProvider"`
	WorkProviderUserIDs []string   `json:"workProviderUserIds"`
	EnrolledAs          []string   `json:"enrolledAs,omitempty"` // the IDs under which it enrolled the customer
	History             []Change   `json:"history"`
	Events              []Event    `json:"events"`
	Shifts              []Shift    `json:"shifts"`
	Deliveries          []Delivery `json:"deliveries,omitempty"`
}

// Change is an entry of the history of consents, IDs and matches.
type Change struct {
	Kind               string    `json:"kind"`
	At                 time.Time `json:"at"`
	WorkProviderUserID string    `json:"workProviderUserId,omitempty"`
}

// Event is an event that the work provider sent.
type Event struct {
	Kind               string    `json:"kind"`
	At                 time.Time `json:"at"`
	PlannedEnd         time.Time `json:"plannedEnd,omitzero"`
	WorkProviderUserID string    `json:"workProviderUserId,omitempty"` // the ID that it used
	Counts             bool      `json:"counts"`
	AcceptedAt         time.Time `json:"acceptedAt,omitzero"` // absent where it is unknown
	VoidedAt           time.Time `json:"voidedAt,omitzero"`   // when the event was taken back
	VoidReason         string    `json:"voidReason,omitempty"`
}

// Shift is a period in which the customer was insured.
type Shift struct {
	Start   time.Time `json:"start"`
	End     time.Time `json:"end"`
	EndedBy string    `json:"endedBy"`
}

// Delivery is a webhook delivery, which sent the customer's number, email and telephone number to the work provider.
type Delivery struct {
	ID       string    `json:"id"`
	State    string    `json:"state"`
	Attempts int       `json:"attempts"`
	Updated  time.Time `json:"updated"`
}

// Export returns all data about a customer. The error is NotFound for a number that was never used.
func (s *Service) Export(ctx context.Context, number string, now time.Time) (Export, error) {
	e := Export{CustomerNumber: number, AsOf: now.UTC(), Sharing: []Sharing{}}
	c, ok, err := s.customers.Customer(ctx, number)
	if err != nil {
		return e, err
	}
	if e.Erased, err = s.customers.Erased(ctx, number); err != nil {
		return e, err
	}
	if !ok && e.Erased.IsZero() {
		return e, errNotFound
	}
	if ok {
		details := Details(c.Details)
		e.Details = &details
		changed, ok, err := s.accounts.PasswordChanged(ctx, c.Email)
		if err != nil {
			return e, err
		}
		if ok {
			e.Account = &Account{PasswordChanged: changed}
		}
	}
	p, err := s.customers.Policy(ctx, number)
	if err != nil {
		return e, err
	}
	e.Policy = Policy(p)
	histories, err := s.providerHistories(ctx, number)
	if err != nil {
		return e, err
	}
	for _, r := range histories {
		sharing, err := s.sharing(ctx, r, number, now)
		if err != nil {
			return e, err
		}
		e.Sharing = append(e.Sharing, sharing)
	}
	return e, nil
}

// sharing returns the data shared between a customer and a work provider.
func (s *Service) sharing(ctx context.Context, r providerHistory, number string, now time.Time) (Sharing, error) {
	sharing := Sharing{
		WorkProvider:        r.provider.Name,
		WorkProviderUserIDs: append([]string{}, r.history.AllUserIDs()...),
		Events:              []Event{},
		Shifts:              []Shift{},
	}
	for _, entry := range r.history.Entries() {
		sharing.History = append(sharing.History, Change{entry.Kind.APIName(), entry.At.Time(), entry.UserID})
	}
	history, facts, err := timeline.CustomerEvents(ctx, s.timelines, r.provider.ID, number, timeline.AllDays())
	if err != nil {
		return sharing, err
	}
	for _, f := range facts {
		e := Event{Kind: f.Kind.String(), At: f.At.Time(), Counts: history.Counts(f.Fact) && f.Voided == 0}
		if f.PlannedEnd != timeline.Never {
			e.PlannedEnd = f.PlannedEnd.Time()
		}
		if f.Accepted != 0 {
			e.AcceptedAt = f.Accepted.Time()
		}
		if f.Voided != 0 {
			e.VoidedAt = f.Voided.Time()
			e.VoidReason = f.VoidReason
		}
		if f.Name.Kind == person.UserID {
			e.WorkProviderUserID = f.Name.Value
		}
		sharing.Events = append(sharing.Events, e)
	}
	records, err := s.timelines.Records(ctx, r.provider.ID, number, timeline.AllDays())
	if err != nil {
		return sharing, err
	}
	for _, record := range records {
		for _, shift := range record.Shifts {
			if shift.Begun(timeline.At(now)) {
				sharing.Shifts = append(sharing.Shifts, Shift{shift.Start.Time(), shift.End.Time(), shift.EndedBy.String()})
			}
		}
	}
	if sharing.EnrolledAs, err = s.enrolledUserIDs(ctx, r, number); err != nil {
		return sharing, err
	}
	sharing.Deliveries, err = s.deliveriesAbout(ctx, r, number)
	return sharing, err
}

// deliveriesAbout returns the deliveries about a customer to a work provider's webhook. They are stored by the months
// of the consents.
func (s *Service) deliveriesAbout(ctx context.Context, r providerHistory, number string) ([]Delivery, error) {
	var months []string
	for _, entry := range r.history.Entries() {
		if month := entry.At.Time().Format("2006-01"); entry.Kind == timeline.Consent && !slices.Contains(months, month) {
			months = append(months, month)
		}
	}
	var deliveries []Delivery
	for _, month := range months {
		all, err := s.deliveries.List(ctx, r.provider.ID, month)
		if err != nil {
			return nil, err
		}
		for _, delivery := range all {
			if delivery.Customer == number {
				deliveries = append(deliveries, Delivery{
					ID:       delivery.ID,
					State:    string(delivery.State),
					Attempts: delivery.Attempts,
					Updated:  delivery.UpdatedAt.UTC(),
				})
			}
		}
	}
	return deliveries, nil
}
