package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strings"

	"sigs.k8s.io/kustomize/kyaml/filesys"
)

// mount is where Kustomize sees the repository's root, so that a path which climbs out of it is noticed.
const mount = "/.repository"

// FileSystem shows a Repository to Kustomize. Every YAML file is read strictly before Kustomize sees it.
type FileSystem struct {
	repository *Repository
	inspect    func(name string, data []byte) ([]byte, error)
	// refused is the first look-up that we did not allow: Kustomize's own message would bury it.
	refused *Failure
	// generated is the kustomization file at a path where the repository has none; nil for none.
	generated []byte
	at        string
}

var _ filesys.FileSystem = (*FileSystem)(nil)

// inside turns Kustomize's path into one of the repository.
func (s *FileSystem) inside(name string) (string, error) {
	if !path.IsAbs(name) {
		name = path.Join(mount, name)
	}
	name = path.Clean(name)
	if name == mount {
		return "", nil
	}
	if inner, found := strings.CutPrefix(name, mount+"/"); found {
		return inner, nil
	}
	return "", s.refuse(wrong("", "%s is outside the repository", name).
		remedy("refer only to files of the same repository"))
}

func (s *FileSystem) refuse(err error) error {
	var failure *Failure
	if s.refused == nil && errors.As(err, &failure) {
		s.refused = failure
	}
	return err
}

func (s *FileSystem) kind(name string) (string, string, error) {
	inner, err := s.inside(name)
	if err != nil {
		return "", "", err
	}
	kind, err := s.repository.Kind(inner)
	return inner, kind, s.refuse(err)
}

// ReadFile returns a file's content after its inspection.
func (s *FileSystem) ReadFile(name string) ([]byte, error) {
	inner, kind, err := s.kind(name)
	if err != nil {
		return nil, err
	}
	if s.generated != nil && inner == s.at {
		data, err := s.inspect(inner, s.generated)
		return data, s.refuse(err)
	}
	if kind != "blob" {
		return nil, &fs.PathError{Op: "open", Path: inner, Err: missing(kind)}
	}
	data, err := s.repository.Blob(inner)
	if err != nil {
		return nil, s.refuse(err)
	}
	data, err = s.inspect(inner, data)
	return data, s.refuse(err)
}

func missing(kind string) error {
	if kind == "tree" {
		return errors.New("is a directory")
	}
	return fs.ErrNotExist
}

// IsDir says whether a directory is there.
func (s *FileSystem) IsDir(name string) bool {
	_, kind, err := s.kind(name)
	return err == nil && kind == "tree"
}

// Exists says whether anything is there.
func (s *FileSystem) Exists(name string) bool {
	_, kind, err := s.kind(name)
	return err == nil && kind != ""
}

// CleanedAbs splits a path into the directory and the file in it; a directory has no file.
func (s *FileSystem) CleanedAbs(name string) (filesys.ConfirmedDir, string, error) {
	inner, kind, err := s.kind(name)
	if err != nil {
		return "", "", err
	}
	switch kind {
	case "tree":
		return filesys.ConfirmedDir(path.Join(mount, inner)), "", nil
	case "blob":
		return filesys.ConfirmedDir(path.Join(mount, path.Dir(inner))), path.Base(inner), nil
	}
	return "", "", &fs.PathError{Op: "open", Path: inner, Err: fs.ErrNotExist}
}

// ReadDir lists the names of a directory.
func (s *FileSystem) ReadDir(name string) ([]string, error) {
	inner, err := s.inside(name)
	if err != nil {
		return nil, err
	}
	entries, err := s.repository.List(inner)
	if err != nil {
		return nil, s.refuse(err)
	}
	names := make([]string, 0, len(entries))
	for _, entry := range entries {
		names = append(names, entry.Path)
	}
	return names, nil
}

// Glob is for patterns in one directory, which is all that Kustomize uses them for.
func (s *FileSystem) Glob(pattern string) ([]string, error) {
	directory := path.Dir(pattern)
	names, err := s.ReadDir(directory)
	if err != nil {
		return nil, err
	}
	var hits []string
	for _, name := range names {
		full := path.Join(directory, name)
		if hit, err := path.Match(pattern, full); err != nil {
			return nil, err
		} else if hit {
			hits = append(hits, full)
		}
	}
	return hits, nil
}

var errReadOnly = fmt.Errorf("the repository's files: %w", os.ErrPermission)

// Create is refused, as is everything else that writes.
func (s *FileSystem) Create(string) (filesys.File, error) { return nil, errReadOnly }

// Mkdir is refused.
func (s *FileSystem) Mkdir(string) error { return errReadOnly }

// MkdirAll is refused.
func (s *FileSystem) MkdirAll(string) error { return errReadOnly }

// RemoveAll is refused.
func (s *FileSystem) RemoveAll(string) error { return errReadOnly }

// WriteFile is refused.
func (s *FileSystem) WriteFile(string, []byte) error { return errReadOnly }

// Open is refused: Kustomize reads whole files.
func (s *FileSystem) Open(string) (filesys.File, error) { return nil, errReadOnly }

// Walk is refused: only Kustomize's localizer uses it.
func (s *FileSystem) Walk(string, filepath.WalkFunc) error { return errReadOnly }
