package main

import (
	"encoding/json"
	"path"
	"slices"
	"strings"

	"sigs.k8s.io/kustomize/api/konfig"
)

// generated makes the kustomization file that a directory lacks, of all that is below it: directories that have a
// kustomization file of their own, and the YAML files of all others. Nil where the directory has one.
func generated(request *Request, repository *Repository) ([]byte, error) {
	for _, name := range konfig.RecognizedKustomizationFileNames() {
		if kind, err := repository.Kind(join(request.Root, name)); err != nil || kind != "" {
			return nil, err
		}
	}
	entries, err := repository.Subtree(request.Root)
	if err != nil {
		return nil, err
	}
	var bases, resources []string
	for _, entry := range entries {
		if slices.Contains(konfig.RecognizedKustomizationFileNames(), path.Base(entry.Path)) {
			bases = append(bases, path.Dir(entry.Path))
		}
	}
	for _, entry := range entries {
		if !wanted(entry.Path, PlainParams{}) || path.Ext(entry.Path) == ".json" || within(bases, entry.Path) {
			continue
		}
		if failure := hidden(join(request.Root, entry.Path), Found{Kind: entry.Kind}); failure != nil {
			return nil, failure
		}
		resources = append(resources, entry.Path)
	}
	for _, base := range bases {
		if !strings.HasPrefix(base, ".") && !within(bases, base) {
			resources = append(resources, base)
		}
	}
	slices.Sort(resources)
	return json.Marshal(map[string]any{"resources": resources})
}

// within says whether a path is below one of the directories.
func within(directories []string, name string) bool {
	return slices.ContainsFunc(directories, func(directory string) bool { return strings.HasPrefix(name, directory+"/") })
}
