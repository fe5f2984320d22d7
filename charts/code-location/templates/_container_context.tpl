{{/*
What Dagster is told about this location's runs: their namespace, account, environment and pod. The platform's launcher
takes namespace and account from where discovery found the location, and refuses what differs. Takes the root.
*/}}
{{- define "code-location.containerContext" -}}
k8s:
  namespace: {{ .Release.Namespace }}
  service_account_name: {{ include "engineshed.fullname" . }}
  image_pull_policy: {{ .Values.image.pullPolicy }}
  {{- with (.Values.global | default dict).imagePullSecrets }}
  image_pull_secrets:
    {{- range . }}
    - name: {{ . }}
    {{- end }}
  {{- end }}
  env:
    {{- include "code-location.env" . | nindent 4 }}
  env_secrets: {{ include "code-location.envSecrets" . }}
  volumes:
    {{- include "code-location.volumes" . | nindent 4 }}
  volume_mounts:
    {{- include "code-location.volumeMounts" . | nindent 4 }}
  resources:
    {{- toYaml .Values.runs.resources | nindent 4 }}
  labels:
    {{- toYaml (merge (dict "app.kubernetes.io/instance" .Release.Name) .Values.runs.labels) | nindent 4 }}
  security_context:
    {{- include "engineshed.containerSecurityContext" . | nindent 4 }}
  run_k8s_config:
    job_spec_config:
      ttl_seconds_after_finished: {{ .Values.runs.ttlSecondsAfterFinished }}
    pod_template_spec_metadata:
      annotations:
        {{- toYaml .Values.runs.annotations | nindent 8 }}
    pod_spec_config:
      security_context:
        {{- include "engineshed.podSecurityContext" dict | nindent 8 }}
      {{- with .Values.runs.nodeSelector }}
      node_selector:
        {{- toYaml . | nindent 8 }}
      {{- end }}
      {{- with .Values.runs.tolerations }}
      tolerations:
        {{- toYaml . | nindent 8 }}
      {{- end }}
      {{- with .Values.runs.priorityClassName }}
      priority_class_name: {{ . }}
      {{- end }}
{{- end -}}
