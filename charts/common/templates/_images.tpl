{{/*
One image reference: [global.imageRegistry or the image's own registry/]repository(@digest or :tag).
Takes {root, image: {registry?, repository, tag, digest?}}. Without a tag: the chart's appVersion.
*/}}
{{- define "engineshed.image" -}}
{{- $global := .root.Values.global | default dict -}}
{{- $registry := $global.imageRegistry | default .image.registry -}}
{{- if $registry }}{{ trimSuffix "/" $registry }}/{{ end -}}
{{ .image.repository }}
{{- if .image.digest }}@{{ .image.digest }}{{ else }}:{{ .image.tag | default .root.Chart.AppVersion }}{{ end -}}
{{- end -}}

{{/* The lines `image` and `imagePullPolicy` of a container. Takes {root, image}. */}}
{{- define "engineshed.containerImage" -}}
image: {{ include "engineshed.image" . | quote }}
imagePullPolicy: {{ .image.pullPolicy | default "IfNotPresent" }}
{{- end -}}

{{/* The lines `imagePullSecrets` of a pod, or nothing. Takes the root context. */}}
{{- define "engineshed.imagePullSecrets" -}}
{{- with (.Values.global | default dict).imagePullSecrets }}
imagePullSecrets:
  {{- range . }}
  - name: {{ . }}
  {{- end }}
{{- end }}
{{- end -}}
