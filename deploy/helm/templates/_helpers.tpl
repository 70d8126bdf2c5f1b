{{- define "inviting-app.name" -}}
{{- default .Chart.Name .Values.nameOverride | trunc 63 | trimSuffix "-" }}
{{- end }}

{{/* The name of all that is made, and the prefix of their names: 8 characters are left for a suffix. */}}
{{- define "inviting-app.fullname" -}}
{{- $name := include "inviting-app.name" . }}
{{- if .Values.fullnameOverride }}
{{- .Values.fullnameOverride | trunc 55 | trimSuffix "-" }}
{{- else if contains $name .Release.Name }}
{{- .Release.Name | trunc 55 | trimSuffix "-" }}
{{- else }}
{{- printf "%s-%s" .Release.Name $name | trunc 55 | trimSuffix "-" }}
{{- end }}
{{- end }}

{{- define "inviting-app.selectorLabels" -}}
app.kubernetes.io/name: {{ include "inviting-app.name" . }}
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end }}

{{- define "inviting-app.labels" -}}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version | replace "+" "_" | trunc 63 | trimSuffix "-" }}
{{ include "inviting-app.selectorLabels" . }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
{{- end }}

{{/* Labels and annotations of a pod. Takes the root as `root` and the name of its part as `part`. */}}
{{- define "inviting-app.podMetadata" -}}
annotations:
  checksum/secrets: {{ toYaml .root.Values.secrets | sha256sum }}
  {{- with .root.Values.podAnnotations }}
  {{- toYaml . | nindent 2 }}
  {{- end }}
labels:
  {{- include "inviting-app.labels" .root | nindent 2 }}
  app.kubernetes.io/component: {{ .part }}
  {{- with .root.Values.podLabels }}
  {{- toYaml . | nindent 2 }}
  {{- end }}
{{- end }}

{{/* What the pods of all parts have in common. */}}
{{- define "inviting-app.pod" -}}
{{- with .Values.imagePullSecrets }}
imagePullSecrets:
  {{- toYaml . | nindent 2 }}
{{- end }}
# The service does not talk to Kubernetes, and needs no variables about other services.
automountServiceAccountToken: false
enableServiceLinks: false
securityContext:
  runAsNonRoot: true
  runAsUser: 10001
  runAsGroup: 10001
  seccompProfile: {type: RuntimeDefault}
volumes:
  - name: tmp
    emptyDir: {}
  {{- with .Values.volumes }}
  {{- toYaml . | nindent 2 }}
  {{- end }}
{{- with .Values.nodeSelector }}
nodeSelector:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .Values.tolerations }}
tolerations:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .Values.affinity }}
affinity:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- end }}

{{/* What their containers have in common. Takes the root as `root` and the name of the part as `part`. */}}
{{- define "inviting-app.container" -}}
{{- $ := .root }}
{{- $part := .part }}
{{- $refs := $.Values.secretKeyRefs }}
{{- $_ := required "settings.SITE_URL is required" $.Values.settings.SITE_URL }}
{{- if not (or $refs.DATABASE_URL $.Values.secrets.DATABASE_URL $.Values.existingSecret) }}
{{- fail "DATABASE_URL is required: give it in secretKeyRefs, secrets or existingSecret" }}
{{- end }}
name: {{ .part }}
image: "{{ $.Values.image.repository }}:{{ $.Values.image.tag | default $.Chart.AppVersion }}"
imagePullPolicy: {{ $.Values.image.pullPolicy }}
securityContext:
  allowPrivilegeEscalation: false
  readOnlyRootFilesystem: true
  capabilities: {drop: [ALL]}
{{- if or $.Values.secrets $.Values.existingSecret }}
envFrom:
  {{- with $.Values.existingSecret }}
  - secretRef: {name: {{ . }}}
  {{- end }}
  {{- if $.Values.secrets }}
  - secretRef: {name: {{ include "inviting-app.fullname" $ }}}
  {{- end }}
{{- end }}
env:
  {{- range $name, $value := $.Values.settings }}
  - name: {{ $name }}
    {{- /* A large number would be written as 1e+06. */}}
    value: {{ ternary ($value | int64) $value (kindIs "float64" $value) | quote }}
  {{- end }}
  {{- range $name, $ref := $refs }}
  {{- if or (eq $part "migrate") (ne $name "OWNER_DATABASE_URL") }}
  - name: {{ $name }}
    valueFrom: {secretKeyRef: {{ toJson $ref }}}
  {{- end }}
  {{- end }}
  {{- if ne .part "migrate" }}
  # Web and worker do not get the password of the role that owns the tables.
  - name: OWNER_DATABASE_URL
    value: ""
  {{- end }}
volumeMounts:
  - {name: tmp, mountPath: /tmp}
  {{- with $.Values.volumeMounts }}
  {{- toYaml . | nindent 2 }}
  {{- end }}
resources:
  {{- toYaml (index $.Values .part).resources | nindent 2 }}
{{- end }}
