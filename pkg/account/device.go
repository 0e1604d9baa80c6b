package account

import (
	"context"
	"slices"
	"time"

	"github.com/guregu/dynamo/v2"

	"zego.com/workprovider/pkg/table"
)

// DeviceTTL is how long a browser keeps the token by which it is known as one on which the account's owner signed in.
// Browsers keep no cookie longer than 400 days.
const DeviceTTL = 365 * 24 * time.Hour

// maxDevices is how many devices an account remembers: those on which its owner signed in last.
const maxDevices = 10

// KnowsDevice reports whether the owner of the account signed in before on the device of that token, since the password
// was set. Wrong passwords from elsewhere do not shut such a device out ("device cookies", OWASP).
func (k EmailAccount) KnowsDevice(token string) bool { return slices.Contains(k.devices, hash(token)) }

// RememberDevice records that the owner of the account of a normalised email signed in on the device of a token, and
// returns the token that the device has to keep: a new one if it has none. An account that was changed since it was
// read is left alone: the next sign-in is remembered.
func (s *Store) RememberDevice(ctx context.Context, email string, owner EmailAccount, token string) (string, error) {
	if token == "" {
		token = randomToken()
	}
	device := hash(token)
	if n := len(owner.devices); n > 0 && owner.devices[n-1] == device {
		return token, nil
	}
	devices := slices.DeleteFunc(slices.Clone(owner.devices), func(d string) bool { return d == device })
	devices = append(devices, device)
	err := s.customers.Update(table.PK, table.EmailPartition(email)).Range(table.SK, table.AccountSort).
		Set("devices", devices[max(0, len(devices)-maxDevices):]).If("'password' = ?", owner.PasswordHash).Run(ctx)
	if dynamo.IsCondCheckFailed(err) {
		return token, nil
	}
	return token, table.Unavailable("accounts", err)
}
