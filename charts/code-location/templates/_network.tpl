{{/* The object store as an egress rule. Takes the root. */}}
{{- define "code-location.egressObjectStore" -}}
{{- $store := .Values.networkPolicy.objectStore -}}
- to:
    {{- if $store.to }}
    {{- toYaml $store.to | nindent 4 }}
    {{- else }}
    - ipBlock:
        cidr: 0.0.0.0/0
        except: [10.0.0.0/8, 100.64.0.0/10, 169.254.0.0/16, 172.16.0.0/12, 192.168.0.0/16]
    {{- end }}
  ports:
    {{- range $store.ports }}
    - {protocol: TCP, port: {{ . }}}
    {{- end }}
{{- end -}}

{{/* Driver, block manager and web page of Spark, at the ports that the engine sets. */}}
{{- define "code-location.sparkPorts" -}}
- {protocol: TCP, port: 7078}
- {protocol: TCP, port: 7079}
- {protocol: TCP, port: 4040}
{{- end -}}

{{/* What every pod with the team's code or Spark's driver reaches: object store, API server, and what values add. */}}
{{- define "code-location.egressOutside" -}}
{{ include "code-location.egressObjectStore" . }}
{{ include "engineshed.egressApiServer" (dict "root" . "addresses" .Values.networkPolicy.apiServer) | trim }}
{{- with .Values.networkPolicy.extraEgress }}
{{ toYaml . }}
{{- end }}
{{- end -}}

{{/* The same and the database. */}}
{{- define "code-location.egressOrchestration" -}}
{{- $database := .Values.networkPolicy.database -}}
- to:
    {{- if $database.to }}
    {{- toYaml $database.to | nindent 4 }}
    {{- else }}
    - namespaceSelector:
        matchLabels: {kubernetes.io/metadata.name: {{ .Values.platform.namespace }}}
    {{- end }}
  ports:
    {{- range $database.ports }}
    - {protocol: TCP, port: {{ . }}}
    {{- end }}
- to:
    - namespaceSelector:
        matchLabels: {kubernetes.io/metadata.name: {{ .Values.platform.namespace }}}
      podSelector:
        matchLabels: {app.kubernetes.io/instance: {{ .Values.platform.release }}, app.kubernetes.io/component: exporter}
  ports:
    - {protocol: TCP, port: {{ .Values.platform.exporterPort }}}
{{ include "code-location.egressOutside" . }}
{{- end -}}
