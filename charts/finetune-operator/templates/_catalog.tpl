{{/*
The entries of one part of the catalog, name → spec, as YAML: those of the chart's own files with what the values give
laid over them. Takes (list $ "instanceTypes" (list "cpu" "memory")): the root, the part, the fields that a spec needs.
*/}}
{{- define "finetune.catalog" -}}
{{- $root := index . 0 -}}
{{- $part := index . 1 -}}
{{- $needed := index . 2 -}}
{{- $switch := $root.Values.catalog -}}
{{- $shipped := dict -}}
{{- if $switch.defaults -}}
{{- $shipped = $root.Files.Get (printf "catalog/%s.yaml" (lower $part)) | fromYaml -}}
{{- end -}}
{{- $chosen := index $switch $part -}}
{{- range $chosen -}}
{{- if not (hasKey $shipped .) -}}
{{- fail (printf "catalog.%s: the chart ships no %q; it ships %s" $part . (keys $shipped | sortAlpha | join ", ")) -}}
{{- end -}}
{{- end -}}
{{- $entries := dict -}}
{{- range $name, $given := index $root.Values $part -}}
{{- $left := and $chosen (hasKey $shipped $name) (not (has $name $chosen)) (not $given) -}}
{{- if not (or (kindIs "invalid" $given) $left) -}}
{{- $spec := include "finetune.laidOver" (dict "under" (get $shipped $name | default dict) "over" $given) | fromYaml -}}
{{- if $spec -}}
{{- range $needed -}}
{{- if not (hasKey $spec .) -}}
{{- fail (printf "%s.%s: %s is missing, and the chart ships no entry of that name to take it from" $part $name .) -}}
{{- end -}}
{{- end -}}
{{- $_ := set $entries $name $spec -}}
{{- end -}}
{{- end -}}
{{- end -}}
{{- toYaml $entries -}}
{{- end -}}

{{/* One spec over another, field by field: null takes a field away, a list replaces a list. As YAML. */}}
{{- define "finetune.laidOver" -}}
{{- $result := deepCopy .under -}}
{{- range $key, $value := .over -}}
{{- if kindIs "invalid" $value -}}
{{- $_ := unset $result $key -}}
{{- else if and (kindIs "map" $value) (kindIs "map" (get $result $key)) -}}
{{- $_ := set $result $key (include "finetune.laidOver" (dict "under" (get $result $key) "over" $value) | fromYaml) -}}
{{- else -}}
{{- $_ := set $result $key $value -}}
{{- end -}}
{{- end -}}
{{- toYaml $result -}}
{{- end -}}
