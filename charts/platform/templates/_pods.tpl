{{/* What the pods of the platform have in common. */}}

{{/* env of a container that opens the instance or the ledger. Takes the Secret of the password, {name, key}. */}}
{{- define "platform.env" -}}
- name: DAGSTER_HOME
  value: /opt/dagster/home
- name: DAGSTER_PG_PASSWORD
  valueFrom:
    secretKeyRef:
      name: {{ .name }}
      key: {{ .key }}
- name: ENGINESHED_PLATFORM
  value: /etc/engineshed/platform/platform.yaml
{{- end -}}

{{/* env of a container that talks to the API server. */}}
{{- define "platform.podEnv" -}}
- name: POD_NAME
  valueFrom:
    fieldRef:
      fieldPath: metadata.name
- name: POD_NAMESPACE
  valueFrom:
    fieldRef:
      fieldPath: metadata.namespace
{{- end -}}

{{/* Mounts of the settings: whole directories, so that a change reaches the pod. */}}
{{- define "platform.mounts" -}}
- name: instance
  mountPath: /opt/dagster/home
  readOnly: true
- name: instance
  mountPath: /etc/engineshed/platform
  readOnly: true
- name: tmp
  mountPath: /tmp
{{- end -}}

{{/* Volumes to those mounts. Takes {root, configMap}. */}}
{{- define "platform.volumes" -}}
- name: instance
  configMap:
    name: {{ .configMap }}
- name: tmp
  emptyDir:
    sizeLimit: 1Gi
{{- end -}}

{{/*
Annotations of a pod that reads the instance: it is replaced when the settings or the password's Secret changed.
Takes {root, own: annotations, port: of its metrics, by default discovery's}.
*/}}
{{- define "platform.podAnnotations" -}}
checksum/instance: {{ printf "%s\n%s" (include "platform.dagsterYaml" .root) (include "platform.platformYaml" .root) | sha256sum }}
{{- $secret := include "platform.databaseSecret" .root | fromYaml }}
{{- if .root.Values.postgresql.dev.enabled }}
checksum/database: {{ .root.Values.postgresql.dev.password | sha256sum }}
{{- else if (lookup "v1" "Secret" .root.Release.Namespace $secret.name) }}
checksum/database: {{ (lookup "v1" "Secret" .root.Release.Namespace $secret.name).metadata.resourceVersion | quote }}
{{- end }}
{{ include "platform.scrapeAnnotations" (dict "root" .root "port" (.port | default .root.Values.discovery.metricsPort)) }}
{{- with .own }}
{{ toYaml . }}
{{- end }}
{{- end -}}

{{/* What a Prometheus without an operator looks for. Takes {root, port}. */}}
{{- define "platform.scrapeAnnotations" -}}
{{- if .root.Values.monitoring.scrapeAnnotations -}}
prometheus.io/scrape: "true"
prometheus.io/port: {{ .port | quote }}
prometheus.io/path: /metrics
{{- end -}}
{{- end -}}

{{/* Where a pod may run. Takes the component's values. */}}
{{- define "platform.placement" -}}
{{- with .nodeSelector }}
nodeSelector:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .tolerations }}
tolerations:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .priorityClassName }}
priorityClassName: {{ . }}
{{- end }}
{{- end -}}

{{/*
The discovery container: starts before the others and they wait until it wrote the workspace (a sidecar in
initContainers), so that a pod never starts without a list and an empty platform starts with an empty one.
Takes {root, reload: address that is told of changes, or empty}.
*/}}
{{- define "platform.discovery" -}}
- name: discovery
  {{- include "engineshed.containerImage" (dict "root" .root "image" .root.Values.image) | nindent 2 }}
  restartPolicy: Always
  command: [engineshed, discover]
  args:
    - --workspace-dir=/workspace
    - --metrics-port={{ .root.Values.discovery.metricsPort }}
    - --grace={{ .root.Values.discovery.graceSeconds }}
    {{- with .reload }}
    - --reload-url={{ . }}
    {{- end }}
  env:
    {{- include "platform.podEnv" . | nindent 4 }}
  ports:
    - name: metrics
      containerPort: {{ .root.Values.discovery.metricsPort }}
  startupProbe:
    # Ready once both files are written.
    httpGet: {path: /readyz, port: metrics}
    periodSeconds: 1
    failureThreshold: 120
  livenessProbe:
    httpGet: {path: /healthz, port: metrics}
    periodSeconds: 30
    timeoutSeconds: 5
    failureThreshold: 4
  resources:
    {{- toYaml .root.Values.discovery.resources | nindent 4 }}
  securityContext:
    {{- include "engineshed.containerSecurityContext" . | nindent 4 }}
  volumeMounts:
    - name: workspace
      mountPath: /workspace
    - name: tmp
      mountPath: /tmp
{{- end -}}
