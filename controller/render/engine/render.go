package main

import (
	"fmt"
	"runtime/debug"

	"sigs.k8s.io/kustomize/api/konfig"
)

// render answers one request; a panic of a library is that request's error.
func render(request *Request, ask func(Ask) (Found, error)) (answer *Answer, failure *Failure) {
	defer func() {
		if cause := recover(); cause != nil {
			answer = nil
			failure = &Failure{
				Kind: "input", File: request.Root,
				Message: fmt.Sprintf("the input made the renderer panic: %v", cause),
				Remedy:  "render it with the tool's own command line to see where it fails",
			}
			debug.PrintStack()
		}
	}()
	request.Limits.setDefaults()
	repository := newRepository(ask, request.Limits)
	if request.Preload != nil {
		if _, err := repository.keep(request.Root, *request.Preload); err != nil {
			return nil, asFailure(err, request.Root)
		}
	}
	answer, err := renderKind(request, repository)
	if err != nil {
		return nil, asFailure(err, request.Root)
	}
	answer.Dependencies = repository.Dependencies()
	return answer, nil
}

func renderKind(request *Request, repository *Repository) (*Answer, error) {
	kind, err := detect(request, repository)
	if err != nil {
		return nil, err
	}
	if err := request.Variables.check(); err != nil {
		return nil, err
	}
	var answer *Answer
	switch kind {
	case "helm":
		answer, err = renderHelm(request, repository)
	case "kustomize":
		answer, err = renderKustomize(request, repository)
	case "plain":
		answer, err = renderPlain(request, repository)
	default:
		return nil, &Failure{Kind: "internal", Message: fmt.Sprintf("unknown kind %q", kind)}
	}
	if err != nil {
		return nil, err
	}
	answer.Kind = kind
	if answer.Objects == nil {
		answer.Objects = []Object{}
	}
	if answer.Warnings == nil {
		answer.Warnings = []string{}
	}
	return answer, nil
}

// detect finds out what a directory is: Chart.yaml makes a chart, a kustomization file Kustomize, all else plain.
func detect(request *Request, repository *Repository) (string, error) {
	kind, err := repository.Kind(request.Root)
	if err != nil {
		return "", err
	}
	if kind == "" {
		return "", wrong(request.Root, "%s does not exist in this revision", display(request.Root)).
			remedy("correct spec.source.path")
	}
	if kind == "blob" {
		return "", wrong(request.Root, "%s is a file", display(request.Root)).
			remedy("spec.source.path names a directory")
	}
	if request.Kind != "auto" {
		return request.Kind, nil
	}
	if kind, err := repository.Kind(join(request.Root, "Chart.yaml")); err != nil || kind == "blob" {
		return "helm", err
	}
	for _, name := range konfig.RecognizedKustomizationFileNames() {
		if kind, err := repository.Kind(join(request.Root, name)); err != nil || kind == "blob" {
			return "kustomize", err
		}
	}
	return "plain", nil
}
