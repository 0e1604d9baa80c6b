// Package testkit is what the tests of several packages have in common: work providers and their keys, a queue in
// memory, and the worked cases of the shift rules. Only tests import it. It imports none of the packages whose tests
// use it from the inside, so it knows neither customers nor timelines.
package testkit

import (
	"context"
	"time"

	"zego.com/workprovider/pkg/fault"
	"zego.com/workprovider/pkg/provider"
)

// Noon is what the clock of most tests shows.
var Noon = time.Date(2026, 3, 14, 12, 0, 0, 0, time.UTC)

// The work providers of tests, whose keys are their IDs. Only the first may enrol customers.
const (
	Courier = "courier-ltd"
	Parcels = "parcels-co"
)

// Keyring authenticates work providers by keys that are in no table. It implements web.Authenticator.
type Keyring map[string]provider.Provider

// Keys returns the keyring of the work providers of tests.
func Keys() Keyring {
	return Keyring{
		Courier: {ID: Courier, Name: "Courier Ltd", CanEnrol: true},
		Parcels: {ID: Parcels, Name: "Parcels & Co"},
	}
}

// Authenticate returns the work provider whose key it is. Its errors are those of the real one: MissingAuth and
// InvalidKey.
func (k Keyring) Authenticate(_ context.Context, authorization string) (provider.Provider, error) {
	if authorization == "" {
		return provider.Provider{}, fault.New(fault.MissingAuth, "")
	}
	p, ok := k[authorization]
	if !ok {
		return provider.Provider{}, fault.New(fault.InvalidKey, "")
	}
	return p, nil
}
