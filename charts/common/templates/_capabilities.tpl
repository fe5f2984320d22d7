{{/*
Whether an object of an optional API is wanted: "true" or nothing. `auto` asks the cluster.
Takes {root, enabled: auto|true|false, api: group/version/Kind}.
*/}}
{{- define "engineshed.wanted" -}}
{{- if eq (toString .enabled) "auto" -}}
{{- if .root.Capabilities.APIVersions.Has .api }}true{{ end -}}
{{- else if eq (toString .enabled) "true" -}}
true
{{- end -}}
{{- end -}}
