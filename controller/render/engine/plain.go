package main

import (
	"path"
	"strings"
)

// file is one file of a plain directory.
type file struct {
	name string
	data []byte
}

// renderPlain takes the YAML and JSON files of a directory as they are.
func renderPlain(request *Request, repository *Repository) (*Answer, error) {
	files, err := plainFiles(request, repository)
	if err != nil {
		return nil, err
	}
	manifests := newManifests(request)
	var failures Failures
	for _, file := range files {
		documents, err := readDocuments(file.name, file.data, request.Limits)
		if err := failures.take(err); err != nil {
			return nil, err
		}
		for _, document := range documents {
			if err := failures.take(manifests.add(file.name, document, nil)); err != nil {
				return nil, err
			}
		}
	}
	if failure := failures.failure(); failure != nil {
		return nil, failure
	}
	return &Answer{Objects: manifests.objects}, nil
}

// plainFiles reads what counts, by path; with recurse the whole subtree is asked for at once.
func plainFiles(request *Request, repository *Repository) ([]file, error) {
	for _, pattern := range append(request.Plain.Include, request.Plain.Exclude...) {
		if _, err := path.Match(pattern, ""); err != nil {
			return nil, wrong("", "the pattern %q is malformed", pattern).of("spec.source.plain")
		}
	}
	list := repository.List
	if request.Plain.Recurse {
		list = repository.Subtree
	}
	entries, err := list(request.Root)
	if err != nil {
		return nil, err
	}
	var chosen []Entry
	for _, entry := range entries {
		if entry.Kind == "tree" || !wanted(entry.Path, request.Plain) {
			continue
		}
		if failure := hidden(join(request.Root, entry.Path), Found{Kind: entry.Kind}); failure != nil {
			return nil, failure
		}
		chosen = append(chosen, entry)
	}
	return readChosen(request, repository, chosen)
}

func readChosen(request *Request, repository *Repository, chosen []Entry) ([]file, error) {
	files := make([]file, 0, len(chosen))
	if request.Plain.Recurse {
		contents, err := repository.Read(request.Root, chosen)
		for i := range contents {
			files = append(files, file{join(request.Root, chosen[i].Path), contents[i]})
		}
		return files, err
	}
	for _, entry := range chosen { // the listing brought the contents with it
		name := join(request.Root, entry.Path)
		data, err := repository.Blob(name)
		if err != nil {
			return nil, err
		}
		files = append(files, file{name, data})
	}
	return files, nil
}

// wanted says whether a path is a manifest's by its ending and the patterns. Hidden files and directories are not.
func wanted(name string, params PlainParams) bool {
	switch strings.ToLower(path.Ext(name)) {
	case ".yaml", ".yml", ".json":
	default:
		return false
	}
	for part := range strings.SplitSeq(name, "/") {
		if strings.HasPrefix(part, ".") {
			return false
		}
	}
	if len(params.Include) > 0 && !matches(params.Include, name) {
		return false
	}
	return !matches(params.Exclude, name)
}

// matches tries a pattern on the path, on the file's name, and on every directory above it.
func matches(patterns []string, name string) bool {
	for _, pattern := range patterns {
		if hit, _ := path.Match(pattern, path.Base(name)); hit && !strings.Contains(pattern, "/") {
			return true
		}
		for prefix := name; prefix != "."; prefix = path.Dir(prefix) {
			if hit, _ := path.Match(strings.TrimSuffix(pattern, "/"), prefix); hit {
				return true
			}
		}
	}
	return false
}
