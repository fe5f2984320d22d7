{{/*
Names and labels. Every object of a release is named by its release: one template decides, so that a chart can be
installed twice and one chart can name another's objects.
*/}}

{{/* The release name, cut so that a suffix of 23 characters still makes a DNS label. Takes the root context. */}}
{{- define "engineshed.fullname" -}}
{{- if not (regexMatch "^[a-z]([-a-z0-9]*[a-z0-9])?$" .Release.Name) -}}
{{- fail (printf "the release's name %q names Services too, which begin with a lower-case letter and hold lower-case letters, digits and -: choose another." .Release.Name) -}}
{{- end -}}
{{- .Release.Name | trunc 40 | trimSuffix "-" -}}
{{- end -}}

{{/* What selects the pods of a component; never changes in the life of a release. Takes {root, component}. */}}
{{- define "engineshed.selectorLabels" -}}
app.kubernetes.io/name: {{ .root.Chart.Name }}
app.kubernetes.io/instance: {{ .root.Release.Name }}
app.kubernetes.io/component: {{ .component }}
{{- end -}}

{{/* The labels of every object. Takes {root, component}. */}}
{{- define "engineshed.labels" -}}
{{ include "engineshed.selectorLabels" . }}
app.kubernetes.io/version: {{ .root.Chart.AppVersion | default .root.Chart.Version | quote }}
app.kubernetes.io/managed-by: {{ .root.Release.Service }}
app.kubernetes.io/part-of: engineshed
helm.sh/chart: {{ printf "%s-%s" .root.Chart.Name (.root.Chart.Version | replace "+" "_") }}
{{- end -}}

{{/*
The labels of pods: those of the object less the ones that change with the chart's version, so that a pod is replaced
when what it runs changed and not when a number did. Takes {root, component}.
*/}}
{{- define "engineshed.podLabels" -}}
{{ include "engineshed.selectorLabels" . }}
app.kubernetes.io/part-of: engineshed
{{- end -}}

{{/* metadata of an object: name, namespace, labels. Takes {root, component, name, annotations?}. */}}
{{- define "engineshed.metadata" -}}
name: {{ .name }}
namespace: {{ .root.Release.Namespace }}
labels:
  {{- include "engineshed.labels" . | nindent 2 }}
{{- with .annotations }}
annotations:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- end -}}
