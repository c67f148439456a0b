//go:build !(linux && (amd64 || arm64))

package main

// limitResources has no counterpart here: the controller's deadline is the bound.
func limitResources(int64) {}

// confine takes nothing away on this platform.
func confine() bool { return false }
