{{/*
A probe: what is asked (httpGet, tcpSocket or exec as given) and the timings. Takes {ask, timings}.
*/}}
{{- define "engineshed.probe" -}}
{{- toYaml .ask }}
periodSeconds: {{ .timings.periodSeconds }}
timeoutSeconds: {{ .timings.timeoutSeconds }}
failureThreshold: {{ .timings.failureThreshold }}
{{- end -}}
