{{/*
Pod Security "restricted", for every pod of every chart. There is no value that loosens it.
*/}}

{{/* securityContext of a pod. Takes {uid?}: default the fixed user of our images. */}}
{{- define "engineshed.podSecurityContext" -}}
{{- $uid := .uid | default 10001 | int -}}
runAsNonRoot: true
runAsUser: {{ $uid }}
runAsGroup: {{ $uid }}
fsGroup: {{ $uid }}
fsGroupChangePolicy: OnRootMismatch
seccompProfile:
  type: RuntimeDefault
{{- end -}}

{{/* securityContext of a container. Takes anything. */}}
{{- define "engineshed.containerSecurityContext" -}}
allowPrivilegeEscalation: false
privileged: false
readOnlyRootFilesystem: true
runAsNonRoot: true
capabilities:
  drop: [ALL]
{{- end -}}
