package main

import (
	"encoding/json"
	"fmt"
	"path"
	"slices"
	"strings"

	"sigs.k8s.io/kustomize/api/konfig"
	"sigs.k8s.io/kustomize/api/types"
)

// Inspector reads every file strictly before Kustomize does, refuses what reaches outside the repository with
// an error that says where, and remembers which file declares which object.
type Inspector struct {
	limits     Limits
	repository *Repository
	root       string
	params     *KustomizeParams
	// data are files that generators take as they are: they need not be YAML.
	data map[string]bool
	// resources are files that declare objects; a patch names an object that another file declares.
	resources map[string]bool
	declared  []declaration
	warnings  []string
}

// declaration is one object as a file of the repository has it, before Kustomize renames it.
type declaration struct {
	kind, name, file string
	// placed says that the file names a namespace.
	placed bool
}

func newInspector(request *Request, repository *Repository) *Inspector {
	return &Inspector{
		limits: request.Limits, repository: repository, root: request.Root, params: &request.Kustomize,
		data: map[string]bool{}, resources: map[string]bool{},
	}
}

// inspect returns what Kustomize shall see of a file.
func (i *Inspector) inspect(name string, data []byte) ([]byte, error) {
	if i.data[name] {
		return data, checkText(name, data, i.limits)
	}
	documents, err := readDocuments(name, data, i.limits)
	if err != nil {
		return nil, err
	}
	if slices.Contains(konfig.RecognizedKustomizationFileNames(), path.Base(name)) {
		return i.kustomization(name, data, documents)
	}
	if i.resources[name] {
		for _, document := range documents {
			i.declare(name, document.JSON)
		}
	}
	return data, nil
}

func (i *Inspector) declare(file string, object json.RawMessage) {
	var h head
	if json.Unmarshal(object, &h) != nil {
		return
	}
	var items []json.RawMessage
	if json.Unmarshal(h.Items, &items) == nil {
		for _, item := range items {
			i.declare(file, item)
		}
	}
	kind, _ := h.Kind.(string)
	name, _ := h.Metadata.Name.(string)
	i.declared = append(i.declared, declaration{kind, name, file, h.Metadata.Namespace != nil})
}

// source finds the file that declares a finished object: of the names that stand in its own, which prefixes and
// suffixes may have made longer, the longest. What no file declares was made by the root.
func (i *Inspector) source(kind, name string) declaration {
	best := declaration{file: join(i.root, "kustomization.yaml")}
	for _, one := range i.declared {
		if one.kind == kind && len(one.name) > len(best.name) && strings.Contains(name, one.name) {
			best = one
		}
	}
	return best
}

// declarers lists the files that declare an object by its name of origin.
func (i *Inspector) declarers(kind, name string) []string {
	var files []string
	for _, one := range i.declared {
		if one.kind == kind && one.name == name {
			files = append(files, one.file)
		}
	}
	return files
}

func (i *Inspector) kustomization(name string, data []byte, documents []Document) ([]byte, error) {
	documents = slices.DeleteFunc(documents, Document.null)
	if len(documents) != 1 {
		return nil, wrong(name, "%s: a kustomization file holds one document, not %d", name, len(documents))
	}
	var parsed types.Kustomization
	if err := parsed.Unmarshal(documents[0].JSON); err != nil {
		return nil, wrong(name, "%s: %v", name, err)
	}
	var anything any
	if err := json.Unmarshal(documents[0].JSON, &anything); err != nil {
		return nil, err
	}
	if err := checkEmbedded(name, anything, i.limits); err != nil {
		return nil, err
	}
	if warnings := parsed.CheckDeprecatedFields(); warnings != nil {
		for _, warning := range *warnings {
			i.warnings = append(i.warnings, name+": "+strings.TrimPrefix(warning, "# Warning: "))
		}
	}
	if err := i.references(name, &parsed); err != nil {
		return nil, err
	}
	if i.params.none() || parentOf(name) != i.root {
		return data, nil
	}
	return i.edit(name, documents[0].JSON)
}

// reference is one place of a kustomization file that names another file or directory.
type reference struct {
	field string
	path  string
	// inline says that the field may hold the content itself.
	inline bool
}

// references checks everything that a kustomization file refers to before Kustomize follows it.
func (i *Inspector) references(name string, k *types.Kustomization) error {
	if len(k.HelmCharts)+len(k.HelmChartInflationGenerator) > 0 {
		return wrong(name, "%s: Kustomize's helmCharts are not supported", name).of("helmCharts").
			remedy("make the chart the path of an Application of its own, or commit its rendered objects")
	}
	directory := path.Dir(name)
	for _, reference := range collect(k) {
		if err := i.check(name, directory, reference); err != nil {
			return err
		}
	}
	for index, image := range k.Images {
		if err := checkImage(name, fmt.Sprintf("images[%d].name", index), image.Name); err != nil {
			return err
		}
	}
	for _, resource := range k.Resources {
		i.resources[path.Join(directory, resource)] = true
	}
	for _, source := range generators(k) {
		i.declared = append(i.declared, declaration{source.kind, source.name, name, false})
		for _, file := range source.files {
			i.data[path.Join(directory, file)] = true
		}
	}
	return nil
}

func (i *Inspector) check(name, directory string, r reference) error {
	if r.path == "" || (r.inline && strings.ContainsAny(r.path, "\n:{")) && !remote(r.path) {
		return nil
	}
	if remote(r.path) {
		return wrong(name, "%s: %s: %s is remote: only files of the same repository are read", name, r.field, r.path).
			of(r.field).remedy("commit a copy of it, and refer to that")
	}
	if path.IsAbs(r.path) {
		return wrong(name, "%s: %s: %s is an absolute path", name, r.field, r.path).
			of(r.field).remedy("write it relative to the kustomization file")
	}
	target := path.Join(directory, r.path)
	if target == ".." || strings.HasPrefix(target, "../") {
		return wrong(name, "%s: %s: %s is outside the repository", name, r.field, r.path).
			of(r.field).remedy("refer only to files of the same repository")
	}
	if target == "." {
		target = ""
	}
	kind, err := i.repository.Kind(target)
	if err != nil {
		return err
	}
	if kind == "" {
		return wrong(name, "%s: %s: %s does not exist in this revision", name, r.field, target).
			of(r.field).remedy("correct the path, or commit the file").missing()
	}
	return nil
}

// remote recognises what Kustomize would fetch: URLs, and Git's short forms of them.
func remote(name string) bool {
	lower := strings.ToLower(name)
	for _, prefix := range []string{"git::", "git@", "gh:", "github.com/", "github.com:", "ssh:", "http:", "https:", "file:"} {
		if strings.HasPrefix(lower, prefix) {
			return true
		}
	}
	scheme, _, found := strings.Cut(lower, "://")
	return found && !strings.ContainsAny(scheme, " \n\t/{")
}

// collect lists all references of a kustomization file.
func collect(k *types.Kustomization) []reference {
	var list []reference
	add := func(field string, inline bool, paths ...string) {
		for index, one := range paths {
			list = append(list, reference{fmt.Sprintf("%s[%d]", field, index), one, inline})
		}
	}
	add("resources", false, k.Resources...)
	add("bases", false, k.Bases...)
	add("components", false, k.Components...)
	add("crds", false, k.Crds...)
	add("configurations", false, k.Configurations...)
	add("generators", true, k.Generators...)
	add("transformers", true, k.Transformers...)
	add("validators", true, k.Validators...)
	for index, patch := range k.PatchesStrategicMerge {
		list = append(list, reference{fmt.Sprintf("patchesStrategicMerge[%d]", index), string(patch), true})
	}
	for index, patch := range k.Patches {
		list = append(list, reference{fmt.Sprintf("patches[%d].path", index), patch.Path, false})
	}
	for index, patch := range k.PatchesJson6902 {
		list = append(list, reference{fmt.Sprintf("patchesJson6902[%d].path", index), patch.Path, false})
	}
	for index, replacement := range k.Replacements {
		list = append(list, reference{fmt.Sprintf("replacements[%d].path", index), replacement.Path, false})
	}
	list = append(list, reference{"openapi.path", k.OpenAPI["path"], false})
	for _, source := range generators(k) {
		for _, file := range source.files {
			list = append(list, reference{source.field, file, false})
		}
	}
	return list
}

// source is what one generator makes, and of what.
type source struct {
	field, kind, name string
	files             []string
}

func generators(k *types.Kustomization) []source {
	var list []source
	add := func(field, kind string, index int, made types.GeneratorArgs) {
		pairs := made.KvPairSources
		one := source{field: fmt.Sprintf("%s[%d]", field, index), kind: kind, name: made.Name}
		for _, file := range pairs.FileSources {
			if _, value, named := strings.Cut(file, "="); named {
				file = value
			}
			one.files = append(one.files, file)
		}
		one.files = append(one.files, pairs.EnvSources...)
		if pairs.EnvSource != "" {
			one.files = append(one.files, pairs.EnvSource)
		}
		list = append(list, one)
	}
	for index, generator := range k.ConfigMapGenerator {
		add("configMapGenerator", "ConfigMap", index, generator.GeneratorArgs)
	}
	for index, generator := range k.SecretGenerator {
		add("secretGenerator", "Secret", index, generator.GeneratorArgs)
	}
	return list
}
