package customer

import (
	"slices"
	"strings"

	"zego.com/workprovider/pkg/fault"
)

// Product is something we insure people with.
type Product struct {
	Code       string // such as "FL.OCC.PL.UK.001"
	CoverLevel string
	ClassOfUse string
	// Occupations are those it covers. A product without any covers what its class of use says.
	Occupations []Occupation
	// EnrolByAPI reports whether work providers may enrol people onto it (contract row 24).
	EnrolByAPI bool
	// Vehicle reports whether a policy is for one vehicle, so that the sign-up form asks for its registration.
	Vehicle bool
}

// Occupation is one that a product covers: its canonical name, which responses have, and synonyms, which requests may
// have (contract row 9). Case does not matter.
type Occupation struct {
	Name     string
	Synonyms []string
}

// Policy returns the policy of a customer insured with the product from now on, in the named occupations. One that the
// product does not cover is InvalidData.
func (p Product) Policy(occupations []string) (Policy, error) {
	names, err := p.canonical(occupations)
	if err != nil {
		return Policy{}, err
	}
	return Policy{
		Insured:     true,
		Product:     p.Code,
		Occupations: names,
		CoverLevel:  p.CoverLevel,
		ClassOfUse:  p.ClassOfUse,
	}, nil
}

// canonical returns the canonical names of the occupations of a request, in its order and without repeats. One that the
// product does not cover is InvalidData.
func (p Product) canonical(requested []string) ([]string, error) {
	names := []string{}
	for _, name := range requested {
		i := slices.IndexFunc(p.Occupations, func(o Occupation) bool { return o.matches(name) })
		if i < 0 {
			return nil, fault.InvalidField(
				occupationsPath,
				"`"+occupationsPath+"` names an occupation that the product does not cover",
			)
		}
		if !slices.Contains(names, p.Occupations[i].Name) {
			names = append(names, p.Occupations[i].Name)
		}
	}
	return names, nil
}

func (o Occupation) matches(name string) bool {
	same := func(other string) bool { return strings.EqualFold(other, name) }
	return same(o.Name) || slices.ContainsFunc(o.Synonyms, same)
}
