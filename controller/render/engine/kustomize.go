package main

import (
	"fmt"
	"regexp"
	"strings"

	"sigs.k8s.io/kustomize/api/krusty"
	"sigs.k8s.io/kustomize/api/types"
	"sigs.k8s.io/kustomize/kyaml/filesys"
)

func kustomizer() *krusty.Kustomizer {
	options := krusty.MakeDefaultOptions()
	options.Reorder = krusty.ReorderOptionUnspecified // as `kustomize build` orders
	options.LoadRestrictions = types.LoadRestrictionsNone
	options.PluginConfig = types.DisabledPluginConfig()
	return krusty.MakeKustomizer(options)
}

// renderKustomize builds a directory with a kustomization file.
func renderKustomize(request *Request, repository *Repository) (*Answer, error) {
	built, inspector, err := build(request, repository)
	if err != nil && inspector == nil {
		return nil, err
	}
	if err != nil {
		return nil, kustomizeFailure(request, repository, inspector, err)
	}
	manifests := newManifests(request)
	for _, one := range built.Resources() {
		origin := inspector.source(one.GetKind(), one.GetName())
		file := origin.file
		object, err := one.MarshalJSON()
		if err != nil {
			return nil, wrong(file, "%s: %v", file, err).of(one.GetKind() + " " + one.GetName())
		}
		if err := checkDepth(file, object, 0, request.Limits); err != nil {
			return nil, err
		}
		if err := manifests.addObject(file, object, 0, nil); err != nil {
			return nil, err
		}
		manifests.last().Placed = !origin.placed
	}
	return &Answer{Objects: manifests.objects, Warnings: inspector.warnings}, nil
}

var (
	registeredTwice = regexp.MustCompile(`already registered id: ([^./\s]+)\.[^/\s]*/(\S+)\.[^.\s']+`)
	inKustomization = regexp.MustCompile(regexp.QuoteMeta(mount) + `/?`)
)

// kustomizeFailure makes Kustomize's chain of messages readable and adds what to do.
func kustomizeFailure(request *Request, repository *Repository, inspector *Inspector, err error) *Failure {
	text := readable(strings.TrimSpace(inKustomization.ReplaceAllString(err.Error(), "")))
	failure := wrong(join(request.Root, "kustomization.yaml"), "%s", text)
	if match := registeredTwice.FindStringSubmatch(text); match != nil {
		object := match[1] + " " + match[2]
		files := inspector.declarers(match[1], match[2])
		if len(files) > 1 && files[0] == files[len(files)-1] {
			failure = wrong(files[0], "%s stands twice in %s", object, files[0])
		} else if len(files) > 0 {
			failure = wrong(files[len(files)-1], "%s stands in %s", object, strings.Join(files, " and in "))
		}
		return failure.of(object).remedy("rename one of them, or remove it")
	}
	if parameter := blamed(request, repository); parameter != nil {
		failure = parameter.failure(text)
	}
	for part, remedy := range kustomizeRemedies {
		if strings.Contains(text, part) {
			return failure.remedy(remedy)
		}
	}
	return failure
}

var kustomizeRemedies = map[string]string{
	"cycle detected":               "a base may not refer back to what refers to it",
	"plugins disabled":             "plugins and functions run programs: commit what they would produce",
	"unable to load builtin":       "only Kustomize's built-in generators and transformers are run",
	"unable to find one of":        "the directory needs a kustomization.yaml",
	"neither a strategic merge":    "write an object with apiVersion, kind and metadata.name, or a list of operations",
	"ReplicationController is":     "give the name as the base has it",
	"no matches for Id":            "a patch must name an object that a resource declares",
	"must enable":                  "plugins and functions run programs: commit what they would produce",
	"multiple kustomization files": "keep one kustomization file in the directory",
}

// warmUp builds once, so that Kustomize's schema is parsed before the first request.
func warmUp() {
	system := filesys.MakeFsInMemory()
	files := map[string]string{
		"/kustomization.yaml": "resources: [a.yaml]\nnamePrefix: warm-\nlabels: [{pairs: {a: b}, includeSelectors: true}]\n" +
			"patches: [{patch: '{apiVersion: v1, kind: ConfigMap, metadata: {name: a}, data: {a: b}}'}]\n",
		"/a.yaml": "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\n",
	}
	for name, content := range files {
		if err := system.WriteFile(name, []byte(content)); err != nil {
			panic(err)
		}
	}
	if _, err := kustomizer().Run(system, "/"); err != nil {
		panic(fmt.Sprintf("can't build at all: %v", err))
	}
}
