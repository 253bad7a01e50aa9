<# Prints, as JSON, the parts of the given files that Windows PowerShell 5.1 can't parse or would parse differently. #>
$newer = 'QuestionMark', 'QuestionQuestion', 'QuestionQuestionEquals', 'QuestionDot', 'QuestionLBracket', 'AndAnd', 'OrOr', 'Clean'
$found = foreach ($file in $args) {
    $tokens = $null
    $errors = $null
    $tree = [Management.Automation.Language.Parser]::ParseFile($file, [ref] $tokens, [ref] $errors)
    foreach ($problem in $errors) { "${file}: $($problem.Message)" }
    foreach ($token in $tokens) { if ("$($token.Kind)" -in $newer) { "${file}:$($token.Extent.StartLineNumber): $($token.Text)" } }
    $tree.FindAll({ $args[0].GetType().Name -in 'TernaryExpressionAst', 'PipelineChainAst' -or ($args[0].GetType().Name -eq 'PipelineAst' -and $args[0].Background) }, $true) |
        ForEach-Object { "${file}:$($_.Extent.StartLineNumber): $($_.Extent.Text)" }
    $tree.FindAll({ $args[0] -is [Management.Automation.Language.CommandParameterAst] -and $args[0].ParameterName -in 'Parallel', 'AsHashtable', 'SkipHttpErrorCheck', 'AsUTC', 'LeafBase' }, $true) |
        ForEach-Object { "${file}:$($_.Extent.StartLineNumber): $($_.Extent.Text)" }
}
[Console]::Out.Write((ConvertTo-Json -InputObject @($found) -Compress))
