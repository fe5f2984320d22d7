{{/*
Egress rules of NetworkPolicies, each a list item. A policy is judged after a Service was translated, so the API server
is named by its endpoints.
*/}}

{{/* Names: DNS in kube-system. Takes anything. */}}
{{- define "engineshed.egressDns" -}}
- to:
    - namespaceSelector:
        matchLabels:
          kubernetes.io/metadata.name: kube-system
  ports:
    - {protocol: UDP, port: 53}
    - {protocol: TCP, port: 53}
{{- end -}}

{{/*
The API server: the addresses given, else those that the cluster itself names, else (a render without a cluster) its
usual ports anywhere. Takes {root, addresses: [{cidr, port}]}.
*/}}
{{- define "engineshed.egressApiServer" -}}
{{- $found := list -}}
{{- range .addresses -}}
{{- $found = append $found (dict "cidr" .cidr "port" .port) -}}
{{- end -}}
{{- if not $found -}}
{{- range $slice := (lookup "discovery.k8s.io/v1" "EndpointSlice" "default" "").items -}}
{{- if eq (dig "metadata" "labels" "kubernetes.io/service-name" "" $slice) "kubernetes" -}}
{{- range $endpoint := $slice.endpoints -}}{{- range $address := $endpoint.addresses -}}{{- range $port := $slice.ports -}}
{{- $cidr := printf "%s/%s" $address (ternary "128" "32" (contains ":" $address)) -}}
{{- $found = append $found (dict "cidr" $cidr "port" $port.port) -}}
{{- end -}}{{- end -}}{{- end -}}
{{- end -}}
{{- end -}}
{{- end -}}
{{- if $found -}}
{{- range $found }}
- to:
    - ipBlock: {cidr: {{ .cidr | quote }}}
  ports:
    - {protocol: TCP, port: {{ .port }}}
{{- end -}}
{{- else }}
- ports:
    - {protocol: TCP, port: 443}
    - {protocol: TCP, port: 6443}
{{- end -}}
{{- end -}}
