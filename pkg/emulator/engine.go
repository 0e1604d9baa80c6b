package emulator

import (
	_ "embed"
	"fmt"
	"os"
	"path/filepath"
)

// Engine answers for DynamoDB and SQS. All other services are ministack's, whatever the engine. Another engine than the
// embedded one shows what is AWS's behaviour and what is ministack's: nobody who wrote it knew this project.
type Engine string

// The engines. Those after the first are installed by make (ADR 35), and keep no state.
const (
	Ministack Engine = "ministack"
	Moto      Engine = "moto"
	Dynoxide  Engine = "dynoxide" // DynamoDB; ElasticMQ answers for SQS
)

// Capability is something that AWS can do, and not every engine.
type Capability string

// The capabilities that an engine lacks.
const (
	KeptState        Capability = "keep its state from one start to the next"
	AtomicConditions Capability = "check a condition and write in one step"
	FairQueues       Capability = "deliver messages of quiet groups first"
	WriteCapacity    Capability = "report the write capacity that AWS bills"
	Retention        Capability = "keep the retention period of a queue"
	Backups          Capability = "make and restore backups of a table"
)

// gaps are the reasons for which engines cannot do something.
var gaps = map[Engine]map[Capability]string{
	Moto: {
		KeptState:        "it has all in memory",
		AtomicConditions: "it serves requests in threads, which come between each other's condition and write",
		FairQueues:       "it takes MessageGroupId on a standard queue, and delivers in order of arrival",
		WriteCapacity:    "it reports one unit, whatever the size of the items",
	},
	Dynoxide: {
		KeptState:  "ElasticMQ has all in memory",
		Retention:  "ElasticMQ ignores MessageRetentionPeriod",
		Backups:    "dynoxide does not know CreateBackup",
		FairQueues: "ElasticMQ takes MessageGroupId on a standard queue, and delivers in order of arrival",
	},
}

// EngineVariable is the variable that chooses the engine of `make run` and `make test`.
const EngineVariable = "ENGINE"

// EngineFromOS returns the engine that the process is told to use, which is ministack if it is told nothing.
func EngineFromOS() Engine {
	if engine := os.Getenv(EngineVariable); engine != "" {
		return Engine(engine)
	}
	return Ministack
}

//go:embed run_engine.py
var runEngine string

// programs are those that the engine consists of, besides ministack.
func (e Engine) programs(tools string) ([]program, error) {
	run := func(arguments ...string) []string {
		return append([]string{python(tools), "-I", "-c", runEngine}, arguments...)
	}
	switch e {
	case "", Ministack:
		return nil, nil
	case Moto:
		server := filepath.Join(tools, "moto", "bin", "moto_server")
		return []program{{
			name:      "moto",
			services:  []string{"DYNAMODB", "SQS"},
			arguments: func(port string) []string { return run(server, "-H", "127.0.0.1", "-p", port) },
			ready:     "Running on http://",
		}}, installed(e, server)
	case Dynoxide:
		dynoxide := filepath.Join(tools, "dynoxide", "bin", "dynoxide")
		elasticMQ := filepath.Join(tools, "dynoxide", "elasticmq")
		return []program{{
			name:      "dynoxide",
			services:  []string{"DYNAMODB"},
			arguments: func(port string) []string { return run(dynoxide, "--host", "127.0.0.1", "--port", port) },
			ready:     "Dynoxide listening",
		}, {
			name:     "ElasticMQ",
			services: []string{"SQS"},
			arguments: func(port string) []string {
				return run("java", "-Xmx256m", "-XX:TieredStopAtLevel=1",
					"-Drest-sqs.bind-hostname=127.0.0.1", "-Drest-sqs.bind-port="+port, "-Drest-stats.enabled=false",
					"-Drest-sqs.sqs-limits=relaxed", // it knows only the former limit of 256 KiB
					"-Dnode-address.host=127.0.0.1", "-Dnode-address.port="+port,
					"-cp", filepath.Join(elasticMQ, "*"), "org.elasticmq.server.Main")
			},
			ready: "=== ElasticMQ server (",
		}}, installed(e, dynoxide, elasticMQ)
	}
	return nil, fmt.Errorf("%s=%s is none of the engines: %s, %s, %s", EngineVariable, e, Ministack, Moto, Dynoxide)
}

// installed returns an error unless the files of an engine are there.
func installed(e Engine, paths ...string) error {
	for _, path := range paths {
		if _, err := os.Stat(path); err != nil {
			return fmt.Errorf("%s is not installed: run `make test ENGINE=%s` or `make engines`", e, e)
		}
	}
	return nil
}
