{{/*
What every pod that runs the team's code has in common: code server, runs, reaper, hooks.
*/}}

{{/* The module that holds the definitions. Takes the root, as do all below. */}}
{{- define "code-location.module" -}}
{{- .Values.module | default (printf "%s.definitions" .Values.location.code_location) -}}
{{- end -}}

{{/* Where the image holds the team's code. Takes the root. */}}
{{- define "code-location.folder" -}}
/opt/engineshed/code_locations/{{ .Values.location.code_location }}
{{- end -}}

{{- define "code-location.image" -}}
{{- include "engineshed.image" (dict "root" . "image" .Values.image) -}}
{{- end -}}

{{/* Environment of the team's code. Takes the root. */}}
{{- define "code-location.env" -}}
- name: ENGINESHED_LOCATION
  value: /etc/engineshed/location/location.yaml
- name: ENGINESHED_PLATFORM
  value: /etc/engineshed/platform/platform.yaml
- name: ENGINESHED_HOME
  value: /var/lib/engineshed
{{- with .Values.runs.env }}
{{ toYaml . }}
{{- end }}
{{- end -}}

{{/* The same for pods that this chart starts, with what the launcher itself adds to runs. Takes the root. */}}
{{- define "code-location.ownEnv" -}}
- name: DAGSTER_HOME
  value: /opt/dagster/home
- name: ENGINESHED_TEAM
  value: {{ .Values.location.team }}
- name: DAGSTER_PG_PASSWORD
  valueFrom:
    secretKeyRef: {name: engineshed-database, key: postgresql-password}
{{ include "code-location.env" . }}
{{- end -}}

{{/* Names of the secrets whose keys become environment, as a JSON list. Takes the root. */}}
{{- define "code-location.envSecrets" -}}
{{- $names := .Values.runs.envSecrets -}}
{{- with .Values.objectStore.existingSecret }}{{ $names = prepend $names . }}{{ end -}}
{{- toJson ($names | uniq) -}}
{{- end -}}

{{- define "code-location.envFrom" -}}
{{- with include "code-location.envSecrets" . | fromJsonArray }}
envFrom:
  {{- range . }}
  - secretRef: {name: {{ . }}}
  {{- end }}
{{- end }}
{{- end -}}

{{- define "code-location.volumes" -}}
- name: location
  configMap: {name: {{ include "engineshed.fullname" . }}-location}
- name: platform
  configMap: {name: engineshed-instance}
# By which the platform's exporter knows whose progress it is told; good for nothing else.
- name: exporter-token
  projected:
    sources:
      - serviceAccountToken: {audience: engineshed-exporter, expirationSeconds: 3600, path: token}
- name: tmp
  emptyDir: {sizeLimit: {{ .Values.scratch.tmp }}}
- name: state
  emptyDir: {sizeLimit: {{ .Values.scratch.home }}}
- name: dagster-home
  emptyDir: {sizeLimit: {{ .Values.scratch.home }}}
{{- if .Values.codeServer.liveUpdate }}
- name: code
  persistentVolumeClaim: {claimName: {{ include "engineshed.fullname" . }}-code}
{{- end }}
{{- end -}}

{{/*
location.yaml by subPath on purpose: a run keeps the settings it started with while its release is upgraded. The
platform's folder is mounted whole, so that a changed password or price arrives.
*/}}
{{- define "code-location.volumeMounts" -}}
- {name: location, mountPath: /etc/engineshed/location/location.yaml, subPath: location.yaml, readOnly: true}
- {name: platform, mountPath: /etc/engineshed/platform, readOnly: true}
- {name: exporter-token, mountPath: /var/run/secrets/engineshed/exporter, readOnly: true}
- {name: tmp, mountPath: /tmp}
- {name: state, mountPath: /var/lib/engineshed}
- {name: dagster-home, mountPath: /opt/dagster/home}
{{- if .Values.codeServer.liveUpdate }}
# What is written here by the code server's pod is what the next run runs.
- {name: code, mountPath: {{ include "code-location.folder" . }}, subPath: location}
- {name: code, mountPath: /opt/engineshed/spark, subPath: spark}
{{- end }}
{{- end -}}

{{/* The same for pods that this chart starts; into runs the launcher mounts the instance's settings itself. */}}
{{- define "code-location.ownVolumeMounts" -}}
{{ include "code-location.volumeMounts" . }}
- {name: platform, mountPath: /opt/dagster/home/dagster.yaml, subPath: dagster.yaml, readOnly: true}
{{- end -}}

{{/* A pod that runs one command of the library and ends. Takes {root, name, args, resources}. */}}
{{- define "code-location.task" -}}
serviceAccountName: {{ include "engineshed.fullname" .root }}
restartPolicy: Never
securityContext:
  {{- include "engineshed.podSecurityContext" dict | nindent 2 }}
{{- include "engineshed.imagePullSecrets" .root }}
containers:
  - name: {{ .name }}
    {{- include "engineshed.containerImage" (dict "root" .root "image" .root.Values.image) | nindent 4 }}
    args:
      {{- toYaml .args | nindent 6 }}
    env:
      {{- include "code-location.ownEnv" .root | nindent 6 }}
    {{- with include "code-location.envFrom" .root | trim }}
    {{- . | nindent 4 }}
    {{- end }}
    resources:
      {{- toYaml .resources | nindent 6 }}
    securityContext:
      {{- include "engineshed.containerSecurityContext" . | nindent 6 }}
    volumeMounts:
      {{- include "code-location.ownVolumeMounts" .root | nindent 6 }}
volumes:
  {{- include "code-location.volumes" .root | nindent 2 }}
{{- end -}}

{{/* Owners, contact and origin, as far as they are said: what discovery shows. Takes the root. */}}
{{- define "code-location.ownership" -}}
engineshed.dev/version: {{ .Chart.Version | quote }}
{{- with .Values.owners }}
engineshed.dev/owners: {{ join "," . | quote }}
{{- end }}
{{- with .Values.contact }}
engineshed.dev/contact: {{ . | quote }}
{{- end }}
{{- with .Values.commit }}
engineshed.dev/commit: {{ . | quote }}
{{- end }}
{{- end -}}
