package emulator

import (
	"bufio"
	"fmt"
	"net"
	"os"
	"os/exec"
	"strings"
	"testing"
)

// TestMain makes the test binary a parent that only starts an emulator and waits, when it is asked to.
func TestMain(m *testing.M) {
	if os.Getenv("EMULATOR_TEST_PARENT") == "" {
		os.Exit(m.Run())
	}
	server, err := Start(Options{})
	if err != nil {
		fmt.Println(err)
		os.Exit(1)
	}
	fmt.Println(server.URL)
	select {}
}

// The emulator ends with the process that started it, even if that one has no time to stop it.
func TestServerDiesWithItsParent(t *testing.T) {
	executable, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	parent := exec.Command(executable)
	parent.Env = append(os.Environ(), "EMULATOR_TEST_PARENT=1")
	output, err := parent.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := parent.Start(); err != nil {
		t.Fatal(err)
	}
	line, err := bufio.NewReader(output).ReadString('\n')
	address, ok := strings.CutPrefix(strings.TrimSpace(line), "http://")
	if err != nil || !ok {
		t.Fatalf("the parent said %q (%v)", line, err)
	}
	connection, err := net.Dial("tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	defer connection.Close()
	parent.Process.Kill()
	parent.Wait()
	// The system closes the connection when the emulator is gone; until then this waits.
	if _, err := connection.Read(make([]byte, 1)); err == nil {
		t.Error("the emulator sent something unasked")
	}
	if _, err := net.Dial("tcp", address); err == nil {
		t.Error("the emulator still listens")
	}
}
