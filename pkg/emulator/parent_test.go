package emulator

import (
	"bufio"
	"fmt"
	"maps"
	"net"
	"os"
	"os/exec"
	"slices"
	"strings"
	"testing"
)

// TestMain makes the test binary a parent that only starts an emulator and waits, when it is asked to.
func TestMain(m *testing.M) {
	if os.Getenv("EMULATOR_TEST_PARENT") == "" {
		os.Exit(m.Run())
	}
	server, err := Start(Options{Engine: EngineFromOS()})
	if err != nil {
		fmt.Println(err)
		os.Exit(1)
	}
	fmt.Println(server.URL, strings.Join(slices.Collect(maps.Values(server.endpoints)), " "))
	select {}
}

// The emulator ends with the process that started it, even if that one has no time to stop it.
func TestParentExit(t *testing.T) {
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
	if err != nil || !strings.HasPrefix(line, "http://") {
		t.Fatalf("the parent said %q (%v)", line, err)
	}
	var connections []net.Conn
	for _, url := range strings.Fields(line) {
		connection, err := net.Dial("tcp", strings.TrimPrefix(url, "http://"))
		if err != nil {
			t.Fatal(err)
		}
		defer connection.Close()
		connections = append(connections, connection)
	}
	parent.Process.Kill()
	parent.Wait()
	for _, connection := range connections {
		// The system closes the connection when the program is gone; until then this waits.
		if _, err := connection.Read(make([]byte, 1)); err == nil {
			t.Error("the emulator sent something unasked")
		}
		if _, err := net.Dial("tcp", connection.RemoteAddr().String()); err == nil {
			t.Errorf("%s still listens", connection.RemoteAddr())
		}
	}
}
