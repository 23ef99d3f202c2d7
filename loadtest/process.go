package main

import (
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"sync"
	"syscall"
	"time"
)

const apiPrefix = "/api/v1/sqlite"

// process is a child that serves HTTP on address until it is told to stop.
type process struct {
	address string // host:port
	command *exec.Cmd
	output  *outputTail
	ended   chan struct{} // closed when the child is gone
	err     error         // how it ended; valid once ended is closed
}

// startServer runs `binary serve` on the databases in folder and waits until it
// answers. The caller owes it a stop or a kill.
func startServer(binary, folder string, extra ...string) (*process, error) {
	address, err := freeAddress()
	if err != nil {
		return nil, err
	}
	arguments := append([]string{"serve", "--dir", folder, "--listen", address}, extra...)
	return startProcess(address, binary, arguments...)
}

// startNoop runs this very program as the server that does nothing.
func startNoop() (*process, error) {
	binary, err := os.Executable()
	if err != nil {
		return nil, err
	}
	address, err := freeAddress()
	if err != nil {
		return nil, err
	}
	return startProcess(address, binary, noopCommand, "-listen", address)
}

func startProcess(address, binary string, arguments ...string) (*process, error) {
	p := &process{
		address: address,
		command: exec.Command(binary, arguments...),
		output:  &outputTail{},
		ended:   make(chan struct{}),
	}
	p.command.Stdout, p.command.Stderr = p.output, p.output
	if err := p.command.Start(); err != nil {
		return nil, err
	}
	go func() {
		p.err = p.command.Wait()
		close(p.ended)
	}()
	if err := p.waitReady(); err != nil {
		p.kill()
		return nil, fmt.Errorf("%s did not come up: %w\n%s", binary, err, p.output)
	}
	return p, nil
}

func (p *process) waitReady() error {
	health := "http://" + p.address + apiPrefix + "/health"
	client := http.Client{Timeout: time.Second}
	defer client.CloseIdleConnections()
	for deadline := time.Now().Add(readyWait); time.Now().Before(deadline); {
		answer, err := client.Get(health)
		if err == nil {
			_, _ = io.Copy(io.Discard, answer.Body)
			_ = answer.Body.Close()
			if answer.StatusCode == http.StatusOK {
				return nil
			}
		}
		select {
		case <-p.ended:
			return errors.Join(errors.New("it ended"), p.err)
		case <-time.After(5 * time.Millisecond):
		}
	}
	return fmt.Errorf("no health within %v", readyWait)
}

// stop asks the child to drain (SIGTERM) and returns nil when it exits with 0.
// A child that does not go by itself within stopWait is killed, an error.
func (p *process) stop() error {
	if err := p.signal(syscall.SIGTERM); err != nil {
		return err
	}
	select {
	case <-p.ended:
	case <-time.After(stopWait):
		p.kill()
		return fmt.Errorf("it did not stop within %v\n%s", stopWait, p.output)
	}
	if p.err != nil {
		return fmt.Errorf("it stopped with %w\n%s", p.err, p.output)
	}
	return nil
}

// kill ends the child without a word to it (SIGKILL) and waits until it is
// gone; a child that is gone already is fine.
func (p *process) kill() {
	_ = p.signal(syscall.SIGKILL)
	<-p.ended
}

func (p *process) signal(signal os.Signal) error {
	err := p.command.Process.Signal(signal)
	if errors.Is(err, os.ErrProcessDone) {
		return nil
	}
	return err
}

func (p *process) pid() int { return p.command.Process.Pid }

// freeAddress names a port of this machine that nobody listened on a moment ago.
func freeAddress() (string, error) {
	listener, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	return listener.Addr().String(), listener.Close()
}

// outputTail keeps the last words of a child. It is written by the goroutine
// that waits for the child and read by whoever reports a failure.
type outputTail struct {
	mutex sync.Mutex
	tail  []byte
}

func (o *outputTail) Write(words []byte) (int, error) {
	o.mutex.Lock()
	defer o.mutex.Unlock()
	o.tail = append(o.tail, words...)
	if excess := len(o.tail) - outputTailBytes; excess > 0 {
		o.tail = append(o.tail[:0], o.tail[excess:]...)
	}
	return len(words), nil
}

func (o *outputTail) String() string {
	o.mutex.Lock()
	defer o.mutex.Unlock()
	return string(o.tail)
}
