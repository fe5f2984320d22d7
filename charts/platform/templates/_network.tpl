{{/* Rules of NetworkPolicies, each a list item; they take the root context where nothing else is said. */}}

{{/* Metrics, for the peers that are named. Takes {root, port}. */}}
{{- define "platform.ingressMetrics" -}}
{{- with .root.Values.networkPolicy.metricsFrom -}}
- from:
    {{- toYaml . | nindent 4 }}
  ports:
    - {protocol: TCP, port: {{ $.port }}}
{{- end -}}
{{- end -}}

{{- define "platform.egressDatabase" -}}
- ports:
    - {protocol: TCP, port: {{ .Values.postgresql.port }}}
  {{- with .Values.networkPolicy.databaseTo }}
  to:
    {{- toYaml . | nindent 4 }}
  {{- end }}
{{- end -}}

{{- define "platform.egressObjectStore" -}}
- ports:
    - {protocol: TCP, port: {{ include "platform.objectStorePort" . }}}
  {{- with .Values.networkPolicy.objectStoreTo }}
  to:
    {{- toYaml . | nindent 4 }}
  {{- end }}
{{- end -}}

{{/* The port of the object store's address: the one that is said, else the scheme's. */}}
{{- define "platform.objectStorePort" -}}
{{- $url := urlParse (.Values.objectStore.endpointUrl | default "https://s3.amazonaws.com") -}}
{{- $said := regexFind ":[0-9]+$" $url.host -}}
{{- if $said }}{{ trimPrefix ":" $said }}{{ else if eq $url.scheme "http" }}80{{ else }}443{{ end -}}
{{- end -}}

{{/* What webserver and daemon reach: names, the API server, the database, the object store, the teams' code servers. */}}
{{- define "platform.egressDagster" -}}
{{ include "engineshed.egressDns" . }}
{{ include "engineshed.egressApiServer" (dict "root" . "addresses" .Values.networkPolicy.apiServer) | trim }}
{{ include "platform.egressDatabase" . }}
{{ include "platform.egressObjectStore" . }}
- to:
    - namespaceSelector:
        matchExpressions:
          - {key: engineshed.dev/team, operator: Exists}
  ports:
    - {protocol: TCP, port: 4000}
{{- end -}}
