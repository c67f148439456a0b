package main

import "testing"

const four = configMap + `---
apiVersion: v1
kind: ServiceAccount
metadata: {name: a}
---
apiVersion: v1
kind: Service
metadata: {name: a}
spec: {selector: {app: a}, ports: [{port: 80}]}
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: a}
spec:
  selector: {matchLabels: {app: a}}
  template:
    metadata: {labels: {app: a}}
    spec: {containers: [{name: a, image: nginx}]}
`

// What one rendering of four objects costs, without the pipe.
func BenchmarkRender(b *testing.B) {
	files := map[string]string{
		"plain/a.yaml": four, "kustomize/a.yaml": four, "kustomize/kustomization.yaml": "resources: [a.yaml]\n",
		"overlay/kustomization.yaml": "resources: [../kustomize]\nnamespace: x\nnamePrefix: p-\n" +
			"labels: [{pairs: {t: u}, includeSelectors: true}]\nimages: [{name: nginx, newTag: '1'}]\n" +
			"replicas: [{name: a, count: 3}]\nconfigMapGenerator: [{name: g, literals: [a=b]}]\n",
		"helm/Chart.yaml": "apiVersion: v2\nname: a\nversion: 0.1.0\n", "helm/templates/a.yaml": four,
	}
	warmUp()
	for _, root := range []string{"plain", "kustomize", "overlay", "helm"} {
		b.Run(root, func(b *testing.B) {
			for b.Loop() {
				if _, failure := render(&Request{Kind: "auto", Root: root}, repositoryOf(files)); failure != nil {
					b.Fatal(failure)
				}
			}
		})
	}
}
