package customer

import (
	"encoding/hex"
	"sync"
	"testing"

	"zego.com/workprovider/pkg/emulator"
	"zego.com/workprovider/pkg/timeline"
)

func TestCreate(t *testing.T) {
	w := newEmptyFixture(t)
	n := NewCustomer{
		Number: " abc123 ", Details: validDetails("driver@example.com"), Policy: withVehicle,
		Share: &InitialShare{Provider: courier, UserID: "12345", Since: noon.AddDate(-1, 0, 0)},
	}
	number, err := w.register.Create(t.Context(), n, noon)
	if err != nil || number != "ABC123" {
		t.Fatal(number, err)
	}
	c, ok, err := w.customers.Customer(t.Context(), "ABC123")
	if err != nil || !ok || c != (Customer{Number: "ABC123", Details: n.Details}) {
		t.Errorf("%+v, %v, %v", c, ok, err)
	}
	owner, err := w.timelines.OwnerNumber(t.Context(), courier, "12345")
	if err != nil || owner != "ABC123" {
		t.Errorf("%q, %v", owner, err)
	}
	if len(w.refolded) != 1 || w.refolded[0] != (recomputeCall{courier, "ABC123", n.Share.Since}) {
		t.Errorf("refolded %v", w.refolded)
	}
}

func TestCreateUnlinked(t *testing.T) {
	w := newEmptyFixture(t)
	number, err := w.register.Create(
		t.Context(),
		NewCustomer{Details: validDetails("driver@example.com"), Policy: withVehicle},
		noon,
	)
	if err != nil || len(number) != numberLength || len(w.refolded) != 0 {
		t.Errorf("%q, %v, refolded %v", number, err, w.refolded)
	}
	if p, err := w.customers.Policy(t.Context(), number); err != nil || p.VehicleRegistration != "VY7 JC3" || !p.Insured {
		t.Errorf("%+v, %v", p, err)
	}
}

func TestCreateLinkedByNumber(t *testing.T) {
	w := newEmptyFixture(t)
	w.create("ABC123", courier, "", withVehicle)
	h, err := w.timelines.History(t.Context(), courier, "ABC123")
	if err != nil || !h.Consented(timeline.At(noon)) || !h.Matched(timeline.At(noon)) {
		t.Errorf("%v", err)
	}
}

func TestCreateErrors(t *testing.T) {
	w := newEmptyFixture(t)
	w.create("ABC123", courier, "12345", withVehicle)
	for name, c := range map[string]struct {
		n     NewCustomer
		field string
	}{
		"number taken": {NewCustomer{Number: "abc123", Details: validDetails("a@example.com")}, "customerNumber"},
		"no number":    {NewCustomer{Number: "ABC-123", Details: validDetails("a@example.com")}, "customerNumber"},
		"id somebody else's": {NewCustomer{Details: validDetails("a@example.com"),
			Share: &InitialShare{courier, "12345", noon}}, "customer.workProviderUserId"},
		"details without name": {NewCustomer{Details: Details{LastName: "Chef"}}, "customer.givenNames"},
	} {
		number, err := w.register.Create(t.Context(), c.n, noon)
		if number != "" || fieldOf(err) != c.field {
			t.Errorf("%s: %q, %v", name, number, err)
		}
	}
	if p, err := w.customers.Policy(t.Context(), "ABC123"); err != nil || !p.Insured {
		t.Errorf("the customer was changed: %+v, %v", p, err)
	}
}

func TestConcurrentNumbers(t *testing.T) {
	emulator.Require(t, emulator.AtomicConditions)
	w := newEmptyFixture(t)
	var mu sync.Mutex
	var all sync.WaitGroup
	made := 0
	for range 20 {
		all.Go(func() {
			_, err := w.register.Create(t.Context(), NewCustomer{Number: "ABC123", Details: validDetails("a@example.com")}, noon)
			mu.Lock()
			defer mu.Unlock()
			switch {
			case err == nil:
				made++
			case fieldOf(err) != "customerNumber":
				t.Error(err)
			}
		})
	}
	all.Wait()
	if made != 1 {
		t.Errorf("%d were made", made)
	}
}

// Rows live for years. These are rows as the first release wrote them; every later one must read them.
func TestVersion1Items(t *testing.T) {
	w := newEmptyFixture(t)
	salt := []byte("0123456789abcdef")
	for _, row := range []map[string]any{
		{
			"pk": "customer#ABC123", "sk": "customer", "v": 1, "number": "ABC123", "givenNames": "Reakwon The",
			"lastName": "Chef",
			"address":  "25 Luke Street", "city": "London", "postCode": "EC2A 4DS", "dob": "1984-01-15",
			"email": "driver@example.com", "phoneNumber": "+44012314323423", "created": "2026-03-14T12:00:00Z",
		},
		{
			"pk": "customer#ABC123", "sk": "policy", "v": 1, "insured": true, "product": "CR.MOT.TPO.UK.001",
			"occupations": []string{"courier"},
			"coverLevel":  "Third Party (TPO)", "classOfUse": "Carriage of Goods for Hire & Reward",
			"vehicleRegistration": "VY7 JC3",
		},
		{"pk": "email#driver@example.com", "sk": "customer#ABC123", "v": 1, "number": "ABC123"},
		{
			"pk": "product#FL.OCC.PL.UK.001", "sk": "product", "v": 1, "coverLevel": "Public Liability",
			"classOfUse": "Occupational",
			"enrolByApi": true, "occupations": []map[string]any{{"name": "childminder", "synonyms": []string{"babysitter"}}},
		},
		{
			"pk": "enrol#courier-ltd#12345", "sk": "enrol", "v": 1, "number": "ABC123", "occupations": []string{"childminder"},
			"coverLevel": "Public Liability", "salt": salt,
			"digests": map[string][]byte{"customer.dob": unhex(t, "78f633a90dfc16ad81bffae5f88ee976")},
		},
	} {
		if err := w.customers.table.Put(row).Run(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	c, ok, err := w.customers.Customer(t.Context(), "ABC123")
	if err != nil || !ok || c != (Customer{Number: "ABC123", Details: validDetails("driver@example.com")}) {
		t.Errorf("%+v, %v, %v", c, ok, err)
	}
	p, err := w.customers.Policy(t.Context(), "ABC123")
	if err != nil || newStatusResponse("ABC123", p) != newStatusResponse("ABC123", withVehicle) ||
		p.Product != "CR.MOT.TPO.UK.001" ||
		p.Occupations[0] != "courier" {
		t.Errorf("%+v, %v", p, err)
	}
	product, ok, err := w.customers.Product(t.Context(), "FL.OCC.PL.UK.001")
	if err != nil || !ok || !product.EnrolByAPI || product.CoverLevel != "Public Liability" ||
		!product.Occupations[0].matches("babysitter") {
		t.Errorf("%+v, %v, %v", product, ok, err)
	}
	e, ok, err := w.customers.enrolment(t.Context(), courier, "12345")
	if err != nil || !ok || e.number != "ABC123" || e.coverLevel != "Public Liability" ||
		e.occupations[0] != "childminder" {
		t.Errorf("%+v, %v, %v", e, ok, err)
	}
	if err := e.digests.diff([]enrolField{{path: "customer.dob", text: "1984-01-15"}}); err != nil {
		t.Errorf("%v; the digest is now %x", err, e.digests.digest("customer.dob", "1984-01-15"))
	}
	if n := w.customersOf("driver@example.com"); n != 1 {
		t.Errorf("%d customers of the email", n)
	}
}

func unhex(t *testing.T, s string) []byte {
	t.Helper()
	b, err := hex.DecodeString(s)
	if err != nil {
		t.Fatal(err)
	}
	return b
}
