{{/* A Service of one component. Takes {root, component, ports: [{name, port}]}. */}}
{{- define "dev-services.service" -}}
apiVersion: v1
kind: Service
metadata:
  {{- include "engineshed.metadata" (dict "root" .root "component" .component "name" (include "dev-services.name" .)) | nindent 2 }}
spec:
  selector:
    {{- include "engineshed.selectorLabels" . | nindent 4 }}
  ports:
    {{- range .ports }}
    - name: {{ .name }}
      port: {{ .port }}
      targetPort: {{ .name }}
    {{- end }}
{{- end -}}

{{/* The name of a component's objects. Takes {root, component}. */}}
{{- define "dev-services.name" -}}
{{ include "engineshed.fullname" .root }}-{{ .component }}
{{- end -}}

{{/* The volume `data` of a StatefulSet: a claim of the size given, gone with the release, else part of the pod. */}}
{{- define "dev-services.claims" -}}
{{- if . }}
persistentVolumeClaimRetentionPolicy: {whenDeleted: Delete, whenScaled: Retain}
volumeClaimTemplates:
  - metadata:
      name: data
    spec:
      accessModes: [ReadWriteOnce]
      resources:
        requests:
          storage: {{ . }}
{{- end }}
{{- end -}}
