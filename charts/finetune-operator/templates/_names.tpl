{{/* The names and labels that the other templates share. */}}

{{- define "finetune.name" -}}
{{- if contains .Chart.Name .Release.Name -}}
{{- .Release.Name | trunc 50 | trimSuffix "-" -}}
{{- else -}}
{{- printf "%s-%s" .Release.Name .Chart.Name | trunc 50 | trimSuffix "-" -}}
{{- end -}}
{{- end -}}

{{- define "finetune.selector" -}}
app.kubernetes.io/name: {{ .Chart.Name }}
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end -}}

{{- define "finetune.labels" -}}
{{ include "finetune.selector" . }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version }}
{{- end -}}

{{- define "finetune.image" -}}
{{- $image := .Values.image -}}
{{- if $image.digest -}}
{{- printf "%s@%s" $image.repository $image.digest -}}
{{- else -}}
{{- printf "%s:%s" $image.repository (default .Chart.AppVersion $image.tag) -}}
{{- end -}}
{{- end -}}

{{/* The settings file: what the user gave, and the URL of our own Service unless there is another. */}}
{{- define "finetune.settings" -}}
{{- $settings := deepCopy .Values.settings -}}
{{- $url := printf "https://%s-progress.%s.svc:%v" (include "finetune.name" .) .Release.Namespace $settings.progress.port -}}
{{- $_ := set $settings "progress" (merge (dict) $settings.progress (dict "url" $url)) -}}
{{- toYaml $settings -}}
{{- end -}}
