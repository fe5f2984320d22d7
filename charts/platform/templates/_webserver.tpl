{{/*
A Deployment of web pages and its Service. The read-only twin is the same pod under an account without rights to start
or end anything, with its own server, which follows the workspace file by itself and so needs nobody to tell it.
Takes {root, component, own: the component's values, command, reload: whether discovery tells the server of changes}.
*/}}
{{- define "platform.webserver" -}}
{{- $root := .root }}
{{- $name := printf "%s-%s" (include "engineshed.fullname" $root) .component }}
{{- $shared := $root.Values.webserver }}
{{- $prefix := $shared.pathPrefix | trimSuffix "/" }}
{{- $about := dict "root" $root "component" .component "name" $name }}
apiVersion: apps/v1
kind: Deployment
metadata:
  {{- include "engineshed.metadata" $about | nindent 2 }}
spec:
  replicas: {{ .own.replicas }}
  strategy:
    type: RollingUpdate
    rollingUpdate: {maxUnavailable: 0, maxSurge: 1}
  selector:
    matchLabels:
      {{- include "engineshed.selectorLabels" $about | nindent 6 }}
  template:
    metadata:
      labels:
        {{- include "engineshed.podLabels" $about | nindent 8 }}
      annotations:
        {{- include "platform.podAnnotations" (dict "root" $root "own" .own.podAnnotations) | nindent 8 }}
    spec:
      serviceAccountName: {{ $name }}
      {{- include "engineshed.imagePullSecrets" $root | nindent 6 }}
      securityContext:
        {{- include "engineshed.podSecurityContext" (dict) | nindent 8 }}
      enableServiceLinks: false
      terminationGracePeriodSeconds: 30
      {{- include "platform.placement" .own | nindent 6 }}
      {{- with $shared.topologySpreadConstraints }}
      topologySpreadConstraints:
        {{- range . }}
        - {{- toYaml . | nindent 10 }}
          {{- if not .labelSelector }}
          labelSelector:
            matchLabels:
              {{- include "engineshed.selectorLabels" $about | nindent 14 }}
          {{- end }}
        {{- end }}
      {{- end }}
      initContainers:
        {{- include "platform.discovery" (dict "root" $root "reload" (ternary (printf "http://localhost:3000%s/graphql" $prefix) "" .reload)) | nindent 8 }}
      containers:
        - name: webserver
          {{- include "engineshed.containerImage" (dict "root" $root "image" $root.Values.image) | nindent 10 }}
          command: {{ toJson .command }}
          args:
            - --host=0.0.0.0
            - --port=3000
            {{- with $prefix }}
            - --path-prefix={{ . }}
            {{- end }}
          env:
            {{- include "platform.env" (include "platform.databaseSecret" $root | fromYaml) | nindent 12 }}
            # A reload asks one code server after the other: none may hold it for Dagster's whole minute.
            - name: DAGSTER_GRPC_TIMEOUT_SECONDS
              value: "20"
            {{- include "platform.podEnv" . | nindent 12 }}
          {{- with $root.Values.objectStore.existingSecret }}
          envFrom:
            - secretRef:
                name: {{ . }}
          {{- end }}
          ports:
            - name: http
              containerPort: 3000
          {{- $ask := dict "httpGet" (dict "path" (printf "%s/server_info" $prefix) "port" "http") }}
          startupProbe:
            {{- include "engineshed.probe" (dict "ask" $ask "timings" $shared.startupProbe) | nindent 12 }}
          readinessProbe:
            {{- include "engineshed.probe" (dict "ask" $ask "timings" $shared.readinessProbe) | nindent 12 }}
          livenessProbe:
            {{- include "engineshed.probe" (dict "ask" $ask "timings" $shared.livenessProbe) | nindent 12 }}
          lifecycle:
            # Requests find another pod before this one stops to listen.
            preStop:
              exec:
                command: [sleep, "5"]
          resources:
            {{- toYaml .own.resources | nindent 12 }}
          securityContext:
            {{- include "engineshed.containerSecurityContext" . | nindent 12 }}
          volumeMounts:
            {{- include "platform.mounts" . | nindent 12 }}
            - name: workspace
              mountPath: /workspace
              readOnly: true
      volumes:
        {{- include "platform.volumes" (dict "root" $root "configMap" (printf "%s-instance" (include "engineshed.fullname" $root))) | nindent 8 }}
        - name: workspace
          emptyDir:
            sizeLimit: 16Mi
---
apiVersion: v1
kind: Service
metadata:
  {{- include "engineshed.metadata" (merge (dict "annotations" $shared.service.annotations) $about) | nindent 2 }}
spec:
  type: {{ $shared.service.type }}
  selector:
    {{- include "engineshed.selectorLabels" $about | nindent 4 }}
  ports:
    - name: http
      port: {{ $shared.service.port }}
      targetPort: http
{{- end -}}
