package main

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"strings"
	"testing"
)

// repositoryOf answers look-ups from a map, as the controller does from a commit.
func repositoryOf(files map[string]string) func(Ask) (Found, error) {
	return func(ask Ask) (Found, error) {
		if len(ask.Read) > 0 {
			found := Found{Kind: "tree"}
			for _, name := range ask.Read {
				content := files[join(ask.Path, name)]
				found.Entries = append(found.Entries, Entry{Path: name, Kind: "blob", Content: Content{Text: &content}})
			}
			return found, nil
		}
		if content, there := files[ask.Path]; there {
			return Found{Kind: "blob", Content: Content{Text: &content}}, nil
		}
		found := Found{Kind: "none"}
		seen := map[string]bool{}
		for name, content := range files {
			below, inside := strings.CutPrefix(name, ask.Path+"/")
			if ask.Path == "" {
				below, inside = name, true
			}
			if !inside {
				continue
			}
			found.Kind = "tree"
			entry := Entry{Path: below, Kind: "blob", Size: int64(len(content))}
			if first, _, nested := strings.Cut(below, "/"); nested && !ask.Deep {
				entry = Entry{Path: first, Kind: "tree"}
			}
			if !seen[entry.Path] {
				seen[entry.Path] = true
				found.Entries = append(found.Entries, entry)
			}
		}
		return found, nil
	}
}

func mustRender(t *testing.T, request Request, files map[string]string) *Answer {
	t.Helper()
	if request.Kind == "" {
		request.Kind = "auto"
	}
	answer, failure := render(&request, repositoryOf(files))
	if failure != nil {
		t.Fatalf("%s: %s", failure.File, failure.Message)
	}
	return answer
}

const configMap = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\n"

// Each kind is detected by its files and notes what it read.
func TestDetection(t *testing.T) {
	for kind, files := range map[string]map[string]string{
		"plain":     {"a.yaml": configMap},
		"kustomize": {"kustomization.yaml": "resources: [a.yaml]\n", "a.yaml": configMap},
		"helm":      {"Chart.yaml": "apiVersion: v2\nname: a\nversion: 0.1.0\n", "templates/a.yaml": configMap},
	} {
		answer := mustRender(t, Request{}, files)
		if answer.Kind != kind || len(answer.Objects) != 1 {
			t.Errorf("%s: rendered as %s, %d objects", kind, answer.Kind, len(answer.Objects))
		}
		if len(answer.Dependencies) == 0 {
			t.Errorf("%s: no dependencies", kind)
		}
	}
}

// A path looked for in vain is a dependency as much as one that was read.
func TestDependencies(t *testing.T) {
	answer := mustRender(t, Request{Root: "o"}, map[string]string{
		"o/kustomization.yaml": "resources: [../b/a.yaml]\n", "b/a.yaml": configMap, "b/other.yaml": "x",
	})
	noted := map[Dependency]bool{}
	for _, dependency := range answer.Dependencies {
		noted[dependency] = true
	}
	for _, wanted := range []Dependency{{"b/a.yaml", "blob"}, {"o/Chart.yaml", "none"}, {"o/kustomization.yml", "none"}} {
		if !noted[wanted] {
			t.Errorf("%v is not among %v", wanted, answer.Dependencies)
		}
	}
	if noted[Dependency{"b/other.yaml", "blob"}] || noted[Dependency{"b", "listing"}] {
		t.Errorf("noted what was not read: %v", answer.Dependencies)
	}
}

// The expanded size of a document is counted without expanding it, also when an anchor holds itself.
func TestExpandedSize(t *testing.T) {
	limits := Limits{Nodes: 1000}
	limits.setDefaults()
	for text, fits := range map[string]bool{
		"a: &a [1, 2]\nb: *a\n": true,
		"a: &a [x,x,x,x,x,x,x,x,x,x]\nb: &b [*a,*a,*a,*a,*a,*a,*a,*a,*a,*a]\nc: [*b,*b,*b,*b,*b,*b,*b,*b,*b,*b]\n": false,
		"a: &a [*a]\n": false,
	} {
		if err := checkAliases("f", chunk{text: []byte(text)}, limits); (err == nil) != fits {
			t.Errorf("%q: %v", text, err)
		}
	}
}

// Paths that leave the mount are refused, whatever way they take.
func TestInside(t *testing.T) {
	for name, inner := range map[string]string{mount: "", mount + "/a/../b": "b", "a": "a", "./x/": "x"} {
		if got, err := (&FileSystem{}).inside(name); err != nil || got != inner {
			t.Errorf("%s: %q %v", name, got, err)
		}
	}
	for _, name := range []string{"/etc/passwd", mount + "/../etc", "..", mount + "x/a", "/"} {
		if _, err := (&FileSystem{}).inside(name); err == nil {
			t.Errorf("%s is allowed", name)
		}
	}
}

// What kustomize would fetch is recognised, and what only looks like it is not.
func TestRemote(t *testing.T) {
	for name, is := range map[string]bool{
		"https://x/y": true, "HTTP://x": true, "git@x:y": true, "github.com/a/b": true, "s3::https://x": true,
		"git::file:///x": true, "ssh://x": true, "../github.com/a": false, "a.yaml": false, "base/http": false,
		"apiVersion: v1\nurl: https://x": false,
	} {
		if remote(name) != is {
			t.Errorf("%q: %v", name, !is)
		}
	}
}

// A frame is read back as it was written; a longer one than allowed is refused before it is read.
func TestFrames(t *testing.T) {
	var wire bytes.Buffer
	if err := writeFrame(&wire, Outgoing{Ask: &Ask{Path: "a<b"}}); err != nil {
		t.Fatal(err)
	}
	body, err := readFrame(&wire)
	var message Outgoing
	if err != nil || json.Unmarshal(body, &message) != nil || message.Ask.Path != "a<b" {
		t.Errorf("%s %v", body, err)
	}
	head := binary.BigEndian.AppendUint32(nil, maxFrame+1)
	if _, err := readFrame(io.MultiReader(bytes.NewReader(head), bytes.NewReader(make([]byte, 10)))); err == nil {
		t.Error("a frame beyond the bound was read")
	}
}

// A library's panic is the request's failure, not the process's end.
func TestPanic(t *testing.T) {
	_, failure := render(&Request{Kind: "auto"}, func(Ask) (Found, error) { panic("oh") })
	if failure == nil || !strings.Contains(failure.Message, "oh") {
		t.Errorf("%v", failure)
	}
}

// A confined process opens no file, no socket, and starts no program; it is this test's own process in a child,
// because there is no way back.
func TestConfinement(t *testing.T) {
	if os.Getenv("CONFINED_CHILD") == "" {
		child := exec.Command(os.Args[0], "-test.run=^TestConfinement$", "-test.v")
		child.Env = append(os.Environ(), "CONFINED_CHILD=1")
		if out, err := child.CombinedOutput(); err != nil {
			t.Fatalf("%v\n%s", err, out)
		}
		return
	}
	closeNetwork()
	if !confine() {
		t.Skip("this platform confines nothing")
	}
	if _, err := os.Open("/etc/hostname"); !os.IsPermission(err) {
		t.Errorf("open: %v", err)
	}
	if err := os.WriteFile("/tmp/confined", nil, 0o600); !os.IsPermission(err) {
		t.Errorf("write: %v", err)
	}
	if _, err := os.MkdirTemp("/tmp", ""); !os.IsPermission(err) {
		t.Errorf("mkdir: %v", err)
	}
	if _, err := net.Dial("tcp", "127.0.0.1:1"); err == nil || !strings.Contains(err.Error(), "not permitted") {
		t.Errorf("dial: %v", err)
	}
	if err := exec.Command("/bin/true").Run(); err == nil {
		t.Error("a program was started")
	}
	if _, err := http.Get("http://127.0.0.1:1"); err == nil || !strings.Contains(err.Error(), "no network") {
		t.Errorf("get: %v", err)
	}
}

// A schema that refers to a file which is there, and which is valid, is refused all the same.
func TestSchemaReadsNoFileOfTheHost(t *testing.T) {
	outside := t.TempDir() + "/outside.json"
	if err := os.WriteFile(outside, []byte(`{"type": "object"}`), 0o600); err != nil {
		t.Fatal(err)
	}
	files := map[string]string{
		"Chart.yaml":         "apiVersion: v2\nname: a\nversion: 0.1.0\n",
		"values.schema.json": `{"$ref": "file://` + outside + `"}`,
	}
	request := Request{Kind: "auto"}
	_, failure := render(&request, repositoryOf(files))
	if failure == nil || !strings.Contains(failure.Message, "not a file of the chart") {
		t.Errorf("%v", failure)
	}
}

// Values are where people put passwords: no message repeats one, whoever writes the message.
func TestNoMessageQuotesAValue(t *testing.T) {
	const canary = "canary-1f2e3d"
	chart := func(more map[string]string) map[string]string {
		files := map[string]string{
			"Chart.yaml":            "apiVersion: v2\nname: vault\nversion: 1.0.0\n",
			"values.yaml":           "given: ''\ntable: {a: b}\n",
			"templates/secret.yaml": "apiVersion: v1\nkind: Secret\nmetadata: {name: a}\nstringData: {a: {{ .Values.given | quote }}}\n",
		}
		for name, content := range more {
			files[name] = content
		}
		return files
	}
	charts := map[string]map[string]string{
		"schema":   chart(map[string]string{"values.schema.json": `{"properties": {"given": {"pattern": "^[0-9]+$"}}}`}),
		"enum":     chart(map[string]string{"values.schema.json": `{"properties": {"given": {"enum": ["a"]}}}`}),
		"date":     chart(map[string]string{"templates/a.yaml": "a: {{ mustToDate `2006` .Values.given }}\n"}),
		"fail":     chart(map[string]string{"templates/a.yaml": "a: {{ fail (printf `not %s` .Values.given) }}\n"}),
		"required": chart(map[string]string{"templates/a.yaml": "a: {{ index .Values.table .Values.given `b` }}\n"}),
		"yaml":     chart(map[string]string{"templates/a.yaml": "a: [{{ .Values.given }}\nb: {{ .Values.given }}\n"}),
	}
	for name, files := range charts {
		request := Request{Kind: "helm", Helm: HelmParams{Values: map[string]any{"given": canary}}}
		answer, failure := render(&request, repositoryOf(files))
		if failure == nil {
			t.Errorf("%s: %d objects, and no failure", name, len(answer.Objects))
		} else if strings.Contains(failure.Message+failure.Remedy+failure.Object, canary) {
			t.Errorf("%s: %s", name, failure.Message)
		}
	}
	text := "a path/to-canary.yaml of secretsauce, 'ab', \"canary\" and secret"
	if told := unquoted(text, map[string]any{"a": []any{"canary", "secret", "ab", "secretsauce"}}); told !=
		"a path/to-canary.yaml of (redacted), 'ab', \"(redacted)\" and secret" {
		t.Error(told)
	}
}
