package shift

import (
	"fmt"
	"slices"
	"testing"

	"zego.com/workprovider/pkg/web"
)

// Whatever a work provider sends is queued in its own group, so that a flood of one delays no other's.
func TestMessageGroups(t *testing.T) {
	fx, queue := newRecordingFixture(t)
	for _, number := range []string{"ABC123", "XYZ789"} {
		fx.addCustomer(courier, number, "")
		fx.addCustomer(parcels, number, "")
	}
	now := web.FormatTime(noon)
	login := fmt.Sprintf(`{"customerNumber":"ABC123","timestamp":%q}`, now)
	for path, body := range map[string]string{
		"/v1/shift/login":  login,
		"/v1/shift/logout": login,
		"/v1/batch/login":  "[" + login + "]",
		"/v1/batch/logout": "[" + login + "]",
		"/v1/match":        `{"customerNumber":"ABC123","success":true}`,
		"/v2/shift":        fmt.Sprintf(`{"user":{"customerNumber":"ABC123"},"startTime":%q}`, now),
	} {
		for _, key := range []string{courier, parcels} {
			queue.TakeGroups()
			if a := fx.ask(key, "POST", path, body); a.status >= 300 {
				t.Fatalf("%s: %d %s", path, a.status, a.body)
			}
			if groups := queue.TakeGroups(); !slices.Equal(groups, []string{key}) {
				t.Errorf("%s of %s sends to the groups %q", path, key, groups)
			}
		}
	}
}
