// Command shipslog-render turns directories of a Git commit into Kubernetes objects: plain YAML and JSON,
// Kustomize, and Helm charts, by the libraries of kubectl, kustomize and helm themselves.
//
// It is the one program of Shipslog that processes untrusted content. It speaks frames over stdin and stdout
// (4 bytes of length, big-endian, then JSON): a request in, look-ups in the commit's files out and their answers
// in, objects or an error out. It ends when stdin ends, whatever it is doing.
package main

import (
	"bufio"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"log"
	"os"
	"runtime/debug"
	_ "time/tzdata" // templates name time zones; the process can't read the host's
)

// version is the hash of the sources, set by the linker; it is part of every cache key.
var version = "unversioned"

func main() {
	memory := flag.Int64("memory", 0, "bound of memory in bytes, beyond what the bare program takes; 0 for none")
	showVersion := flag.Bool("version", false, "print the version and exit")
	flag.Parse()
	if *showVersion {
		fmt.Println(version)
		return
	}
	if *memory > 0 {
		debug.SetMemoryLimit(*memory * 3 / 4) // collect eagerly before it gets tight
	}
	debug.SetGCPercent(300) // requests are short and the heap is small: collect less often
	limitResources(*memory)
	closeNetwork()
	warmUp()
	captureWarnings().release()
	confined := confine()
	serve(os.Stdin, os.Stdout, confined)
}

// serve handles one request after the other until stdin ends.
func serve(in io.Reader, out io.Writer, confined bool) {
	messages := make(chan Incoming)
	go receive(in, messages)
	send := func(message Outgoing) {
		if err := writeFrame(out, message); err != nil {
			log.Fatalf("can't write to the controller: %v", err)
		}
	}
	send(Outgoing{Ready: &Ready{Version: version, Confined: confined}})
	for message := range messages {
		if message.Render == nil {
			log.Fatal("expected a request")
		}
		answer, failure := render(message.Render, func(ask Ask) (Found, error) {
			send(Outgoing{Ask: &ask})
			answer := <-messages
			if answer.Found == nil {
				log.Fatal("expected the answer to a look-up")
			}
			return *answer.Found, nil
		})
		send(Outgoing{Answer: answer, Error: failure})
	}
}

// receive ends the process with stdin, also in the middle of a request: nobody waits for it any more.
func receive(in io.Reader, messages chan<- Incoming) {
	reader := bufio.NewReaderSize(in, 64<<10)
	for {
		body, err := readFrame(reader)
		if err != nil {
			os.Exit(0)
		}
		var message Incoming
		if err := json.Unmarshal(body, &message); err != nil {
			log.Fatalf("can't read a message: %v", err)
		}
		messages <- message
	}
}
