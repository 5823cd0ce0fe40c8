def isnan: . == nan;
def isnormal: isnumber and ((. == 0 or isnan or isinfinite) | not);

def delpaths($paths): reduce ($paths | sort | reverse[]) as $path (.; getpath($path) |= empty);
def del(f): delpaths([path(f)]);
def leaf_paths: paths(scalars);

def from_entries: reduce .[] as $x ({};
  . + { ($x | if isobject then (if .key == null then .k // .name // .Name // .K // .Key else .key end) else . end
            | if isstring then . else tojson end):
        ($x | if isobject then (if has("value") then .value elif has("v") then .v else .Value end) else null end) });
def with_entries(f): to_entries | map(f) | from_entries;

def totype(p; e): if p then . else fromjson | if p then . else e end end;
def tonumber: totype(isnumber; error("cannot parse as number"));
def toboolean: totype(isboolean; error("cannot parse as boolean"));
def toarray: if isarray then . else [.] end;

def transpose: [range([.[] | length] | max // 0) as $i | [.[][$i]]];

def in(xs): . as $x | xs | has($x);
def inside(xs): . as $x | xs | contains($x);
def index($i): indices($i)[0];
def rindex($i): indices($i)[-1];

def ascii: [.] | implode;
def @json: tojson;
def @csv: map(
  if isstring then "\"" + (split("\"") | join("\"\"")) + "\"" elif . == null then ""
  elif isnumber or isboolean then tojson else error("\(type) cannot be a CSV field") end) | join(",");
def @tsv: map(
  if isstring then gsub("\\\\"; "\\\\") | gsub("\t"; "\\t") | gsub("\n"; "\\n") | gsub("\r"; "\\r") elif . == null then ""
  elif isnumber or isboolean then tojson else error("\(type) cannot be a TSV field") end) | join("\t");
