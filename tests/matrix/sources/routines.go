// Go: calls through the standard library, from closures, deferred calls, methods and goroutines. See calls.c for the marks.
package main

import (
	"os"
	"sync"
)

type shop struct{ found bool }

//go:noinline
func plain() bool {
	_, err := os.Open("/matrix/plain") // EXPECT plain STACK main.plain main.main
	return err == nil
}

//go:noinline
func (s *shop) look(name string) {
	_, err := os.Open(name) // EXPECT method STACK look main.main
	s.found = err == nil
}

func inlined(name string) bool {
	_, err := os.Stat(name) // EXPECT inlined STACK main.main
	return err == nil
}

//go:noinline
func apply(f func() bool) bool {
	return f() && len(os.Args) > 0
}

//go:noinline
func deferred() (found bool) {
	defer func() {
		recover()
		_, err := os.Open("/matrix/deferred") // EXPECT deferred
		found = err == nil
	}()
	panic("expected")
}

func main() {
	found := plain()
	s := &shop{}
	s.look("/matrix/method")
	found = inlined("/matrix/inlined") || found || s.found
	found = apply(func() bool {
		_, err := os.Open("/matrix/closure") // EXPECT closure STACK main.apply main.main
		return err == nil
	}) || found
	found = deferred() || found
	var group sync.WaitGroup
	for i := 0; i < 8; i++ {
		group.Add(1)
		go func() {
			defer group.Done()
			os.Open("/matrix/goroutine") // EXPECT goroutine
		}()
	}
	group.Wait()
	if found {
		os.Exit(1)
	}
}
