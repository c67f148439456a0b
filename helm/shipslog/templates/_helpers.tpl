{{/* Name of all objects of a namespace: at most 52 characters, so that StatefulSet and hooks can add to it. */}}
{{- define "shipslog.fullname" -}}
{{- if .Values.fullnameOverride -}}
{{- .Values.fullnameOverride | trunc 52 | trimSuffix "-" -}}
{{- else -}}
{{- $name := default .Chart.Name .Values.nameOverride -}}
{{- $full := ternary .Release.Name (printf "%s-%s" .Release.Name $name) (contains $name .Release.Name) -}}
{{- $full | trunc 52 | trimSuffix "-" -}}
{{- end -}}
{{- end -}}

{{/* Name of cluster-scoped objects: two releases of one name in two namespaces must not meet. */}}
{{- define "shipslog.clustername" -}}
{{- printf "%s:%s" .Release.Namespace (include "shipslog.fullname" .) -}}
{{- end -}}

{{- define "shipslog.serviceAccountName" -}}
{{- if .Values.serviceAccount.create -}}
{{- default (include "shipslog.fullname" .) .Values.serviceAccount.name -}}
{{- else -}}
{{- default "default" .Values.serviceAccount.name -}}
{{- end -}}
{{- end -}}

{{- define "shipslog.selector" -}}
app.kubernetes.io/name: {{ default .Chart.Name .Values.nameOverride | trunc 63 | trimSuffix "-" }}
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end -}}

{{- define "shipslog.labels" -}}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version | replace "+" "_" | trunc 63 | trimSuffix "-" }}
{{ include "shipslog.selector" . }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
{{- with .Values.commonLabels }}
{{ toYaml . }}
{{- end }}
{{- end -}}

{{- define "shipslog.image" -}}
{{- $tag := printf "%s:%s" .Values.image.repository (default .Chart.AppVersion .Values.image.tag) -}}
{{- ternary (printf "%s@%s" $tag .Values.image.digest) $tag (ne .Values.image.digest "") -}}
{{- end -}}

{{/* The port of settings.listen. */}}
{{- define "shipslog.port" -}}
{{- splitList ":" .Values.settings.listen | last -}}
{{- end -}}

{{/*
A setting as text: Helm reads whole numbers as floats, which would come out as 1.073741824e+09. A list becomes JSON.
*/}}
{{- define "shipslog.text" -}}
{{- if and (kindIs "float64" .) (eq . (floor .)) -}}
{{- int64 . -}}
{{- else if kindIs "slice" . -}}
{{- toJson . -}}
{{- else -}}
{{- . -}}
{{- end -}}
{{- end -}}

{{/* The settings as environment variables: logLevel is SHIPSLOG_LOG_LEVEL. */}}
{{- define "shipslog.settings" -}}
{{- range $name, $value := .Values.settings }}
{{- with include "shipslog.text" $value }}
SHIPSLOG_{{ snakecase $name | upper }}: {{ quote . }}
{{- end }}
{{- end }}
{{- end -}}

{{/*
The database's Secret must be there before the migration: a Pod that waits for it would only be timed out, without a
word of why. Looked for only where Helm talks to a cluster (`helm template` does not).
*/}}
{{- define "shipslog.verify" -}}
{{- if and .Values.database.verify (lookup "v1" "Namespace" "" "kube-system") -}}
{{- $name := .Values.database.existingSecret -}}
{{- $place := printf "Secret %s/%s (database.existingSecret)" .Release.Namespace $name -}}
{{- $secret := lookup "v1" "Secret" .Release.Namespace $name -}}
{{- $create := printf "kubectl -n %s create secret generic %s --from-literal=%s=postgresql://... --from-literal=%s=postgresql://..." .Release.Namespace $name .Values.database.keys.writer .Values.database.keys.owner -}}
{{- if not $secret -}}
{{- fail (printf "%s does not exist: create it first: %s" $place $create) -}}
{{- end -}}
{{- $keys := list .Values.database.keys.writer -}}
{{- if .Values.migration.enabled -}}
{{- $keys = append $keys .Values.database.keys.owner -}}
{{- end -}}
{{- range $keys -}}
{{- if not (hasKey (default dict $secret.data) .) -}}
{{- fail (printf "%s has no key %s: add it, or name another in database.keys" $place .) -}}
{{- end -}}
{{- end -}}
{{- end -}}
{{- end -}}
