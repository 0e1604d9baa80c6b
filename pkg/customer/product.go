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
	// Occupations are those it covers. A product without any covers whatever its class of use says.
	Occupations []Occupation
	// EnrolByAPI is whether work providers may enrol people onto it (contract row 24).
	EnrolByAPI bool
	// Vehicle is whether a policy is for one vehicle, so that who signs up is asked for its registration.
	Vehicle bool
}

// Occupation is one that a product covers: its canonical name, in which we answer, and other names for it, which we
// accept (contract row 9). Case does not matter.
type Occupation struct {
	Name     string
	Synonyms []string
}

// Policy is the policy of somebody insured with the product from now on, in the occupations so named. One that the product
// does not cover is InvalidData.
func (p Product) Policy(occupations []string) (Policy, error) {
	names, err := p.canonical(occupations)
	if err != nil {
		return Policy{}, err
	}
	return Policy{Insured: true, Product: p.Code, Occupations: names, CoverLevel: p.CoverLevel, ClassOfUse: p.ClassOfUse}, nil
}

// canonical is the canonical names of the occupations a request named, in its order and each once. One that the product
// does not cover is InvalidData.
func (p Product) canonical(named []string) ([]string, error) {
	names := []string{}
	for _, name := range named {
		i := slices.IndexFunc(p.Occupations, func(o Occupation) bool { return o.matches(name) })
		if i < 0 {
			return nil, fault.InvalidField(occupationsPath, "`"+occupationsPath+"` names an occupation that the product does not cover")
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
