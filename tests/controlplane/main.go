// Command kube is one binary that is etcd, kube-apiserver, kube-controller-manager or
// kube-scheduler, chosen by the first argument. Linking the components together shares their
// dependencies: one binary of 125 MB in place of four of nearly the same size each.
//
// "kube service-account-key FILE" writes the key that signs service account tokens, so that a
// control plane needs no openssl on the machine.
package main

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"os"
	"sort"
	"strings"

	"go.etcd.io/etcd/server/v3/etcdmain"
	"k8s.io/component-base/cli"
	_ "k8s.io/component-base/logs/json/register"
	_ "k8s.io/component-base/metrics/prometheus/clientgo"
	_ "k8s.io/component-base/metrics/prometheus/version"
	apiserver "k8s.io/kubernetes/cmd/kube-apiserver/app"
	controllermanager "k8s.io/kubernetes/cmd/kube-controller-manager/app"
	scheduler "k8s.io/kubernetes/cmd/kube-scheduler/app"
)

var components = map[string]func() int{
	"etcd": func() int {
		etcdmain.Main(os.Args)
		return 0
	},
	"kube-apiserver":          func() int { return cli.Run(apiserver.NewAPIServerCommand()) },
	"kube-controller-manager": func() int { return cli.Run(controllermanager.NewControllerManagerCommand()) },
	"kube-scheduler":          func() int { return cli.Run(scheduler.NewSchedulerCommand()) },
	"service-account-key":     serviceAccountKey,
}

// serviceAccountKey writes a P-256 private key in PEM; the API server derives the public half.
func serviceAccountKey() int {
	if len(os.Args) != 2 {
		fmt.Fprintln(os.Stderr, "usage: kube service-account-key FILE")
		return 2
	}
	if err := writeKey(os.Args[1]); err != nil {
		fmt.Fprintln(os.Stderr, "kube service-account-key:", err)
		return 1
	}
	return 0
}

func writeKey(path string) error {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return err
	}
	der, err := x509.MarshalECPrivateKey(key)
	if err != nil {
		return err
	}
	return os.WriteFile(path, pem.EncodeToMemory(&pem.Block{Type: "EC PRIVATE KEY", Bytes: der}), 0o600)
}

func usage() string {
	names := make([]string, 0, len(components))
	for name := range components {
		names = append(names, name)
	}
	sort.Strings(names)
	return "usage: kube " + strings.Join(names, "|") + " [flags]"
}

func main() {
	if len(os.Args) < 2 {
		fmt.Fprintln(os.Stderr, usage())
		os.Exit(2)
	}
	run, known := components[os.Args[1]]
	if !known {
		fmt.Fprintf(os.Stderr, "kube: unknown component %q\n%s\n", os.Args[1], usage())
		os.Exit(2)
	}
	// Each component parses os.Args itself and takes the first word for its own name.
	os.Args = os.Args[1:]
	os.Exit(run())
}
