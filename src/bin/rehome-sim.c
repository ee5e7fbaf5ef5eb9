/* rehome-sim - wires the simulator's commands; all else is in sim */
int main(void)
{
	return 2;
}
